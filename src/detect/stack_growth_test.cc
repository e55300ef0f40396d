// Synthetic processes: leaks must be named within their time, and each common lie must stay quiet.
#include "detect/stack_growth.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>
#include <vector>

namespace tidemark {
namespace {

constexpr double kMiB = 1 << 20;
constexpr double kMb = 1e6;
constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kStart = 1'767'225'600LL * kSecond;
constexpr uint64_t kLeak = 7, kOther = 8;

// True in-use bytes of the stack under test at a time since start.
using Course = std::function<double(double)>;

struct Process {
  Course inuse;
  double object_bytes = 2400;
  double period_bytes = 512 * 1024;
  double requests_per_s = 500;
  double others_bytes = 30 * kMiB;
  double linked_share = -1;    // of in-use; < 0: links unknown
  double allocated_share = 1;  // in-use growth over allocation; 0: alloc unknown
  double step_s = 5;
  double gc_s = 0;  // > 0: the profile shows the last collection only
};

// In-use bytes as Poisson sampling shows them: arrivals and departures of objects, each seen or
// not.
class Sampled {
 public:
  Sampled(double object_bytes, double period_bytes, uint32_t seed)
      : object_(object_bytes), period_(period_bytes), random_(seed) {}

  double To(double truth) {
    if (period_ <= 0) return truth;
    const double seen = 1 - std::exp(-object_ / period_);
    if (truth > truth_) {
      count_ += std::poisson_distribution<long>((truth - truth_) / object_ * seen)(random_);
    } else if (truth < truth_) {  // those that leave are a random part of those there
      count_ -= std::binomial_distribution<long>(count_, 1 - truth / truth_)(random_);
    }
    truth_ = truth;
    return static_cast<double>(count_) * object_ / seen;
  }

 private:
  double object_, period_, truth_ = 0;
  long count_ = 0;
  std::mt19937 random_;
};

// Seconds from the start until kLeak is reported; -1 when it is not within `until_s`.
double SecondsToVerdict(const Process& process, double until_s, uint32_t seed,
                        GrowingStack* verdict = nullptr) {
  StackGrowth growth;
  Sampled sampled(process.object_bytes, process.period_bytes, seed);
  std::mt19937 random(seed + 1000);
  std::normal_distribution<double> noise(0, 0.02 * process.others_bytes);
  for (double t = process.step_s; t <= until_s; t += process.step_s) {
    const double seen_s = process.gc_s > 0 ? std::floor(t / process.gc_s) * process.gc_s : t;
    StackSample leak;
    leak.stack_id = kLeak;
    leak.inuse_bytes = sampled.To(process.inuse(seen_s));
    leak.inuse_objects = leak.inuse_bytes / process.object_bytes;
    if (process.linked_share >= 0) leak.linked_bytes = process.linked_share * leak.inuse_bytes;
    if (process.allocated_share > 0) leak.alloc_bytes = leak.inuse_bytes / process.allocated_share;
    StackSample other;
    other.stack_id = kOther;
    other.inuse_bytes = process.others_bytes + noise(random);
    other.inuse_objects = 1000;
    const StackSample samples[] = {leak, other};
    const double requests = process.requests_per_s < 0 ? -1 : process.requests_per_s * t;
    growth.Add("i1", kStart + static_cast<int64_t>(t * 1e9), samples, process.period_bytes,
               requests);
    for (const GrowingStack& found : growth.Evaluate()) {
      if (found.stack_id != kLeak) continue;
      if (verdict) *verdict = found;
      return t;
    }
  }
  return -1;
}

Course Linear(double bytes_per_s, double from_s = 0) {
  return [=](double t) { return bytes_per_s * std::max(0.0, t - from_s); };
}

// Growth whose rate swings by `share` around its mean, as a route's traffic does.
Course Swinging(double bytes_per_s, double share, double period_s, double phase) {
  const double w = 2 * M_PI / period_s;
  return [=](double t) {
    return bytes_per_s * (t - share / w * (std::cos(w * t + phase) - std::cos(phase)));
  };
}

constexpr uint32_t kSeeds = 20;

TEST(StackGrowthTest, ALeakWhoseTrafficSwingsIsNamedWithinNinetySeconds) {
  for (const double period_s : {20.0, 60.0, 120.0}) {
    for (uint32_t seed = 0; seed < kSeeds; ++seed) {
      const double phase = 2 * M_PI * seed / kSeeds;
      const double took = SecondsToVerdict({.inuse = Swinging(kMb, 0.4, period_s, phase),
                                            .object_bytes = 1400,
                                            .requests_per_s = 1000},
                                           120, seed);
      EXPECT_GT(took, 0) << "seed " << seed << " period " << period_s;
      EXPECT_LE(took, 90) << "seed " << seed << " period " << period_s;
    }
  }
}

TEST(StackGrowthTest, LeakPerRequestIsNamedWithinFortySeconds) {
  for (const double rate : {1.2 * kMb, 2.4 * kMb}) {
    for (uint32_t seed = 0; seed < kSeeds; ++seed) {
      GrowingStack found;
      const double took = SecondsToVerdict({.inuse = Linear(rate)}, 120, seed, &found);
      ASSERT_GT(took, 0) << "seed " << seed << " rate " << rate;
      EXPECT_LE(took, rate > 2 * kMb ? 40 : 50) << "seed " << seed << " rate " << rate;
      EXPECT_EQ(found.level, GrowthLevel::kFast);
      EXPECT_EQ(found.evidence, RequestEvidence::kPerRequest);
      EXPECT_GT(found.share, 0.8);
    }
  }
}

TEST(StackGrowthTest, GrowthEstimateHoldsTheTruth) {
  int held = 0;
  for (uint32_t seed = 0; seed < kSeeds; ++seed) {
    GrowingStack found;
    ASSERT_GT(SecondsToVerdict({.inuse = Linear(2.4 * kMb)}, 120, seed, &found), 0);
    const double truth = 2.4 * kMb * 3600;
    held += found.growth_bytes_per_hour.low <= truth && truth <= found.growth_bytes_per_hour.high;
    EXPECT_NEAR(found.growth_bytes_per_hour.value, truth, 0.5 * truth);
    EXPECT_NEAR(found.bytes_per_request, 4800, 0.5 * 4800);
  }
  EXPECT_GE(held, 17);  // of 20; 95 % each: fewer than 17 has chance 0.02 over all possible seeds
}

TEST(StackGrowthTest, BytesOfEndedSpansAreBetterEvidence) {
  GrowingStack found;
  ASSERT_GT(SecondsToVerdict({.inuse = Linear(2.4 * kMb), .linked_share = 0.95}, 60, 1, &found), 0);
  EXPECT_EQ(found.evidence, RequestEvidence::kEndedSpans);
}

TEST(StackGrowthTest, LeakAfterAQuietHourHasItsOnset) {
  GrowingStack found;
  const double took = SecondsToVerdict({.inuse = Linear(2.4 * kMb, 3600)}, 3720, 3, &found);
  ASSERT_GT(took, 3600);
  EXPECT_LE(took, 3660);
  EXPECT_NEAR(static_cast<double>(found.onset_ns - kStart) / 1e9, 3600, 15);
}

TEST(StackGrowthTest, LeakUnderSlowCollectionsIsNamed) {
  const double took = SecondsToVerdict({.inuse = Linear(2.4 * kMb), .gc_s = 11}, 180, 4);
  EXPECT_GT(took, 0);
  EXPECT_LE(took, 90);
}

// The lies. Each runs with and without links, with sampling, for ten minutes.
struct Lie {
  const char* name;
  Course inuse;
  double others = 30 * kMiB;
  double linked = 0.95;
};

Course Capped(double bytes_per_s, double seconds) {
  return [=](double t) { return bytes_per_s * std::min(t, seconds); };
}

TEST(StackGrowthTest, LiesStayQuiet) {
  const Lie lies[] = {
      {"cache that fills for its TTL of 60 s", Capped(0.25 * kMb, 60)},
      {"warm-up of 20 s", Capped(1.5 * kMb, 20)},
      {"heavy warm-up of 15 s", Capped(10 * kMb, 15)},
      {"buffers with a time constant of 8 s",
       [](double t) { return 80 * kMb * (1 - std::exp(-t / 8)); }},
      {"load of one data set in one step", [](double t) { return t < 40 ? 1 * kMb : 90 * kMb; }},
      {"loads in three steps",
       [](double t) { return 30 * kMb * (1 + (t > 30) + (t > 75) + (t > 100)); }},
      {"sawtooth of 20 s", [](double t) { return 20 * kMb + 3 * kMb * std::fmod(t, 20); }},
      {"plateau", [](double) { return 400 * kMb; }},
      {"growth of two percent in a big process", Linear(0.9 * kMb), 4096 * kMiB},
  };
  for (const Lie& lie : lies) {
    for (uint32_t seed = 0; seed < kSeeds; ++seed) {
      for (const double linked : {-1.0, lie.linked}) {
        const Process process{
            .inuse = lie.inuse, .others_bytes = lie.others, .linked_share = linked};
        const double until = lie.others > 1000 * kMiB ? 90 : 590;
        EXPECT_LT(SecondsToVerdict(process, until, seed), 0) << lie.name << ", seed " << seed;
      }
    }
  }
}

TEST(StackGrowthTest, WorkingMemoryThatFollowsATrafficRampStaysQuiet) {
  StackGrowth growth;
  double requests = 0;
  for (int t = 5; t <= 120; t += 5) {
    const double rate = 100 + 20.0 * t;  // 200 to 2500 a second
    requests += rate * 5;
    StackSample sample{kLeak, rate * 30000, rate * 10, rate * 30000, 0};
    growth.Add("i1", kStart + t * kSecond, {&sample, 1}, 0, requests);
    EXPECT_TRUE(growth.Evaluate().empty()) << "at " << t << " s";
  }
}

TEST(StackGrowthTest, VerdictOnALargeCacheIsWithdrawnOnceItIsFull) {
  StackGrowth growth;
  const auto feed = [&](int from_s, int to_s) {
    for (int t = from_s; t <= to_s; t += 5) {
      const double inuse = 3 * kMb * std::min(t, 60);
      const StackSample sample{kLeak, inuse, inuse / 2400, inuse, inuse};
      growth.Add("i1", kStart + t * kSecond, {&sample, 1}, 0, 500.0 * t);
    }
  };
  feed(5, 60);
  EXPECT_EQ(growth.Evaluate().size(), 1u);
  feed(65, 155);  // equal profiles count again after 30 s
  EXPECT_TRUE(growth.Evaluate().empty());
}

TEST(StackGrowthTest, StackThatGivesMostBackStaysQuiet) {
  // Retained share 0.2: it allocates five times what it keeps.
  EXPECT_LT(SecondsToVerdict({.inuse = Linear(2 * kMb), .allocated_share = 0.2}, 120, 1), 0);
}

TEST(StackGrowthTest, WithoutRequestsAVerdictTakesTenMinutes) {
  GrowingStack found;
  const double took = SecondsToVerdict(
      {.inuse = Linear(2.4 * kMb), .period_bytes = 0, .requests_per_s = -1}, 1800, 1, &found);
  EXPECT_GE(took, 600);
  EXPECT_LE(took, 700);
  EXPECT_EQ(found.level, GrowthLevel::kSlow);
}

TEST(StackGrowthTest, SlowFillWithATimeConstantOfTwentyMinutesStaysQuietWithoutRequests) {
  const Course fill = [](double t) { return 500 * kMb * (1 - std::exp(-t / 1200)); };
  for (uint32_t seed = 0; seed < 5; ++seed) {
    EXPECT_LT(SecondsToVerdict({.inuse = fill, .requests_per_s = -1}, 7200, seed), 0);
  }
}

StackSample Sample(double inuse_bytes) { return {kLeak, inuse_bytes, inuse_bytes / 2400, -1, -1}; }

TEST(StackGrowthTest, OneLeakingInstanceAmongTenIsNamed) {
  StackGrowth growth;
  std::mt19937 random(5);
  std::normal_distribution<double> noise(0, 1 * kMb);
  for (int t = 5; t <= 90; t += 5) {
    for (int i = 0; i < 10; ++i) {
      const double inuse = 40 * kMb + noise(random) + (i == 3 ? 2.4 * kMb * t : 0);
      const StackSample sample = Sample(inuse);
      growth.Add("i" + std::to_string(i), kStart + t * kSecond + i * 100'000'000, {&sample, 1}, 0,
                 1000.0 * t);
    }
  }
  const auto found = growth.Evaluate();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].instances, std::vector<std::string>{"i3"});
  EXPECT_EQ(found[0].instances_growing, 1);
  EXPECT_EQ(found[0].instances_total, 10);
}

TEST(StackGrowthTest, InstancesPoolIntoOnePath) {
  // Alone, each shows 8 sampled objects of growth; ten of them are enough.
  StackGrowth growth;
  std::vector<Sampled> sampled;
  for (uint32_t i = 0; i < 10; ++i) sampled.emplace_back(2400, 4 * kMiB, 50 + i);
  for (int t = 5; t <= 60; t += 5) {
    for (size_t i = 0; i < sampled.size(); ++i) {
      const StackSample sample = Sample(sampled[i].To(1.2 * kMb * t));
      growth.Add("i" + std::to_string(i), kStart + t * kSecond, {&sample, 1}, 4 * kMiB, 500.0 * t);
    }
  }
  const auto found = growth.Evaluate();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_GE(found[0].instances_growing, 6);
  EXPECT_NEAR(found[0].growth_bytes_per_hour.value, 1.2 * kMb * 3600, 0.3 * 1.2 * kMb * 3600);
}

TEST(StackGrowthTest, RestartForgetsWhatWasBefore) {
  StackGrowth growth;
  for (int t = 5; t <= 300; t += 5) {
    const int age = t % 20;  // restarts every 20 s, growing within each life
    const StackSample sample = Sample(3 * kMb * age);
    growth.Add("i1", kStart + t * kSecond, {&sample, 1}, 0, 500.0 * age);
    EXPECT_TRUE(growth.Evaluate().empty());
  }
  EXPECT_GE(growth.counters().restarts, 14u);
}

TEST(StackGrowthTest, LateAndRepeatedProfilesAreCountedAndChangeNothing) {
  StackGrowth growth;
  for (int t = 5; t <= 60; t += 5) {
    const StackSample sample = Sample(2.4 * kMb * t);
    growth.Add("i1", kStart + t * kSecond, {&sample, 1}, 0, 500.0 * t);
    growth.Add("i1", kStart + t * kSecond + 1, {&sample, 1}, 0, 500.0 * t);
    const StackSample late = Sample(900 * kMb);
    growth.Add("i1", kStart + (t - 3) * kSecond, {&late, 1}, 0, 500.0 * t);
  }
  EXPECT_EQ(growth.counters().profiles_late, 12u);
  EXPECT_EQ(growth.counters().profiles_repeated, 12u);
  ASSERT_EQ(growth.Evaluate().size(), 1u);
  EXPECT_NEAR(growth.Evaluate()[0].growth_bytes_per_hour.value, 2.4 * kMb * 3600, 1e4);
}

TEST(StackGrowthTest, AClockFarAheadDoesNotSilenceTheOthers) {
  StackGrowth growth;
  for (int t = 5; t <= 60; t += 5) {
    for (int i = 0; i < 3; ++i) {
      const StackSample sample = Sample(2.4 * kMb * t);
      const int64_t skew = i == 0 ? 86400 * kSecond : 0;
      growth.Add("i" + std::to_string(i), kStart + skew + t * kSecond, {&sample, 1}, 0, 500.0 * t);
    }
  }
  ASSERT_EQ(growth.Evaluate().size(), 1u);
  EXPECT_EQ(growth.Evaluate()[0].instances_total, 2);
}

TEST(StackGrowthTest, MemoryStaysWithinItsLimits) {
  StackGrowth growth({.max_instances = 4,
                      .max_profiles = 16,
                      .max_stacks_per_profile = 10,
                      .max_entries = 300,
                      .max_candidates = 8});
  std::mt19937 random(6);
  std::uniform_real_distribution<double> bytes(0, 100 * kMb);
  for (int t = 0; t < 400; ++t) {
    std::vector<StackSample> samples;
    for (uint64_t id = 0; id < 20; ++id) samples.push_back({id, bytes(random), 1, -1, -1});
    growth.Add("i" + std::to_string(t % 7), kStart + t * kSecond, samples, 0, -1);
    EXPECT_LE(growth.entries(), 300u);
    EXPECT_LE(growth.instances(), 4u);
  }
  EXPECT_GT(growth.counters().instances_evicted, 0u);
  EXPECT_GT(growth.counters().profiles_thinned + growth.counters().instances_evicted, 0u);
  EXPECT_EQ(growth.counters().stacks_truncated, 4000u);
}

TEST(StackGrowthTest, HostileValuesDoNoHarm) {
  StackGrowth growth;
  const double odd[] = {NAN, INFINITY, -INFINITY, -1, 1e308, 0};
  int64_t t = 0;
  for (const double a : odd) {
    for (const double b : odd) {
      const StackSample samples[] = {{1, a, b, a, b}, {1, b, a, b, a}, {2, b, b, a, a}};
      growth.Add("", ++t, samples, a, b);
      growth.Evaluate();
      growth.TopGrowth(INT64_MIN, INT64_MAX, 5);
    }
  }
  growth.Add("", INT64_MAX, {}, 0, 0);
  growth.Add("x", INT64_MIN, {}, 0, 0);
  growth.Evaluate();
  EXPECT_EQ(growth.counters().profiles_invalid, 2u);
}

TEST(StackGrowthTest, TopGrowthSharesAddUpToOne) {
  StackGrowth growth;
  for (int t = 0; t <= 10; ++t) {
    const StackSample samples[] = {
        {1, 10.0 * t, 1, 20.0 * t, -1}, {2, 30.0 * t, 1, -1, -1}, {3, 100.0 - t, 1, -1, -1}};
    growth.Add("i1", kStart + t * kSecond, samples, 0, -1);
  }
  const auto top = growth.TopGrowth(kStart, 0, 10);
  ASSERT_EQ(top.size(), 2u);
  EXPECT_EQ(top[0].stack_id, 2u);
  EXPECT_DOUBLE_EQ(top[0].share, 0.75);
  EXPECT_DOUBLE_EQ(top[1].share, 0.25);
  EXPECT_DOUBLE_EQ(top[1].retained_share, 0.5);
  EXPECT_NEAR(top[0].growth_bytes_per_hour.value, 30.0 * 3600, 1e-6);
}

}  // namespace
}  // namespace tidemark
