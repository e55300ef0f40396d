// Synthetic fleets: a leak, and each common lie. The scores over whole corpora are bench/detect's.
#include "detect/fleet_detector.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace tidemark {
namespace {

constexpr double kMiB = 1 << 20;
constexpr double kHour = 3600;
constexpr double kStart = 1'767'225'600;

// Bytes of heap of an instance at a time since the start.
using Course = std::function<double(double t_s, int instance)>;

struct Fleet {
  Course heap;
  int instances = 4;
  double hours = 6;
  double noise_bytes = 3 * kMiB;
  double step_s = 10;
  std::function<double(double)> rate = [](double) { return 100.0; };
  double rss_over_heap = 1.1;
  bool with_rss = true, with_heap = true;
  double limit_bytes = 0;
  uint32_t seed = 1;
};

struct Sender {
  FleetDetector& detector;
  std::string version = "v1";

  void Send(double t_s, const std::string& instance, MetricKind metric, double value) const {
    detector.Add({kStart + t_s, "shop", version, instance, metric, value});
  }
};

void Feed(const Fleet& fleet, FleetDetector& detector, double from_s = 0) {
  std::mt19937 random(fleet.seed);
  std::normal_distribution<double> noise(0, fleet.noise_bytes);
  const Sender sender{detector};
  for (double t = from_s; t < fleet.hours * kHour; t += fleet.step_s) {
    for (int i = 0; i < fleet.instances; ++i) {
      const std::string name = "pod-" + std::to_string(i);
      const double heap = fleet.heap(t, i) + noise(random);
      const double rate = fleet.rate(t) * (1 + 0.05 * noise(random) / fleet.noise_bytes);
      if (fleet.limit_bytes > 0) sender.Send(t, name, MetricKind::kLimit, fleet.limit_bytes);
      if (fleet.with_heap) sender.Send(t, name, MetricKind::kHeap, heap);
      if (fleet.with_rss) sender.Send(t, name, MetricKind::kRss, heap * fleet.rss_over_heap);
      sender.Send(t, name, MetricKind::kActiveSpans, rate * 0.1);
      sender.Send(t, name, MetricKind::kReqRate, rate);
    }
  }
}

std::vector<Verdict> Judge(const Fleet& fleet) {
  FleetDetector detector;
  Feed(fleet, detector);
  detector.Finish();
  return detector.verdicts();
}

Course Flat(double bytes) {
  return [=](double, int) { return bytes; };
}

Course LeakFrom(double onset_s, double bytes_per_hour) {
  return [=](double t, int) {
    return 500 * kMiB + bytes_per_hour * std::max(0.0, t - onset_s) / kHour;
  };
}

TEST(FleetDetectorTest, LeakIsOneVerdictWithItsGrowthAndOnset) {
  const auto found = Judge({.heap = LeakFrom(2 * kHour, 40 * kMiB), .limit_bytes = 2048 * kMiB});
  ASSERT_EQ(found.size(), 1u);
  const Verdict& verdict = found[0];
  EXPECT_EQ(verdict.service, "shop");
  EXPECT_EQ(verdict.version, "v1");
  EXPECT_EQ(verdict.kind, "heap");
  EXPECT_EQ(verdict.instances.size(), 4u);
  EXPECT_EQ(verdict.closed_at_s, 0);
  EXPECT_NEAR(verdict.bytes_per_hour.value, 40 * kMiB, 4 * kMiB);
  EXPECT_LT(verdict.bytes_per_hour.low, 40 * kMiB);
  EXPECT_GT(verdict.bytes_per_hour.high, 40 * kMiB);
  EXPECT_NEAR(verdict.onset_s - kStart, 2 * kHour, 900);
  EXPECT_GT(verdict.detected_at_s - kStart, 2 * kHour);
  EXPECT_LT(verdict.detected_at_s - kStart, 4 * kHour);
  EXPECT_GT(verdict.confidence, 0.8);
  // At 6 h: RSS 1.1 * (500 + 160) of 2048 MiB, growing by 1.1 * 40 MiB an hour.
  EXPECT_NEAR(verdict.oom_eta_s - kStart, 6 * kHour + (2048 - 726) / 44.0 * kHour, 3 * kHour);
}

TEST(FleetDetectorTest, VerdictIdsAreStableAcrossReplaysAndSpeeds) {
  const Fleet fleet{.heap = LeakFrom(kHour, 60 * kMiB)};
  const auto once = Judge(fleet), again = Judge(fleet);
  ASSERT_EQ(once.size(), 1u);
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(once[0].id.size(), 16u);
  EXPECT_EQ(once[0].id, again[0].id);
  EXPECT_EQ(once[0].detected_at_s, again[0].detected_at_s);
}

TEST(FleetDetectorTest, TakeVerdictsTellsOfOpeningUpdatesAndCloseOnly) {
  FleetDetector detector;
  const Course course = [](double t, int) {  // leaks from 1 h to 5 h, then stays
    return 500 * kMiB + 60 * kMiB * std::clamp(t - kHour, 0.0, 4 * kHour) / kHour;
  };
  Feed({.heap = course, .hours = 4}, detector);
  const auto opened = detector.TakeVerdicts();
  ASSERT_EQ(opened.size(), 1u);
  EXPECT_EQ(opened[0].closed_at_s, 0);
  EXPECT_TRUE(detector.TakeVerdicts().empty());
  Feed({.heap = course, .hours = 14}, detector, 4 * kHour);
  const auto closed = detector.TakeVerdicts();
  ASSERT_EQ(closed.size(), 1u);
  EXPECT_EQ(closed[0].id, opened[0].id);
  EXPECT_GT(closed[0].closed_at_s - kStart, 5 * kHour);
  EXPECT_GT(closed[0].updated_at_s, opened[0].updated_at_s);
}

TEST(FleetDetectorTest, MinuteCadenceIsEnough) {
  const auto found = Judge({.heap = LeakFrom(2 * kHour, 40 * kMiB), .hours = 8, .step_s = 60});
  ASSERT_EQ(found.size(), 1u);
  EXPECT_NEAR(found[0].bytes_per_hour.value, 40 * kMiB, 6 * kMiB);
}

TEST(FleetDetectorTest, HeapWithoutRssIsJudged) {
  EXPECT_EQ(Judge({.heap = LeakFrom(2 * kHour, 40 * kMiB), .with_rss = false}).size(), 1u);
}

TEST(FleetDetectorTest, RssWithoutHeapIsJudgedAsRss) {
  const auto found =
      Judge({.heap = LeakFrom(2 * kHour, 80 * kMiB), .hours = 8, .with_heap = false});
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].kind, "rss");
}

TEST(FleetDetectorTest, OnePodThatLeaksIsNamed) {
  const Course course = [](double t, int i) {
    return 500 * kMiB + (i == 2 ? 120 * kMiB * std::max(0.0, t - 2 * kHour) / kHour : 0);
  };
  const auto found = Judge({.heap = course, .hours = 8});
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].instances, std::vector<std::string>{"pod-2"});
}

struct Lie {
  const char* name;
  Course heap;
  std::function<double(double)> rate = [](double) { return 100.0; };
};

TEST(FleetDetectorTest, LiesOpenNothing) {
  const auto ramp = [](double t) { return 100 * (1 + std::clamp(t / kHour - 2, 0.0, 2.0)); };
  const auto day = [](double t) { return 100 * (1 + 0.5 * std::sin(2 * M_PI * t / 86400)); };
  const Lie lies[] = {
      {"plateau", Flat(500 * kMiB)},
      {"cache that fills with a time constant of 30 min",
       [](double t, int) { return 500 * kMiB * (1 + 0.6 * (1 - std::exp(-t / 1800))); }},
      {"traffic ramp", [=](double t, int) { return 300 * kMiB + 2 * kMiB * ramp(t); }, ramp},
      {"day and night", [=](double t, int) { return 300 * kMiB + 2 * kMiB * day(t); }, day},
      {"deploy step", [](double t, int) { return (t < 3 * kHour ? 400 : 480) * kMiB; }},
      {"loads in steps",
       [](double t, int) {
         return (400 + 40 * std::floor(std::min(t, 4 * kHour) / (2 * kHour))) * kMiB;
       }},
      {"collector's sawtooth of 4 min",
       [](double t, int i) { return (300 + std::fmod(t + 37 * i, 240.0)) * kMiB; }},
  };
  for (const Lie& lie : lies) {
    for (uint32_t seed = 1; seed <= 5; ++seed) {
      const auto found = Judge({.heap = lie.heap, .hours = 10, .rate = lie.rate, .seed = seed});
      EXPECT_TRUE(found.empty()) << lie.name << ", seed " << seed << ", " << found.size();
    }
  }
}

TEST(FleetDetectorTest, RestartsNeitherHideALeakNorMakeOne) {
  // Each pod restarts every 2.5 h, which takes 40 s, and warms up by 100 MiB within minutes.
  const auto run = [](double bytes_per_hour) {
    FleetDetector detector;
    const Sender sender{detector};
    std::mt19937 random(3);
    std::normal_distribution<double> noise(0, 2 * kMiB);
    for (double t = 0; t < 12 * kHour; t += 10) {
      for (int i = 0; i < 4; ++i) {
        const double age = std::fmod(t + i * 1800 + 4000, 2.5 * kHour);
        if (age < 40) continue;
        const double heap = 300 * kMiB + 100 * kMiB * (1 - std::exp(-age / 120)) +
                            bytes_per_hour * age / kHour + noise(random);
        const std::string name = "pod-" + std::to_string(i);
        sender.Send(t, name, MetricKind::kHeap, heap);
        sender.Send(t, name, MetricKind::kRss, heap * 1.1);
      }
    }
    return detector.verdicts();
  };
  EXPECT_TRUE(run(0).empty());
  EXPECT_EQ(run(120 * kMiB).size(), 1u);
}

TEST(FleetDetectorTest, LateDoubleAndShuffledPointsChangeNothingMaterial) {
  const Fleet fleet{.heap = LeakFrom(2 * kHour, 40 * kMiB)};
  FleetDetector detector;
  std::mt19937 random(7);
  std::normal_distribution<double> noise(0, fleet.noise_bytes);
  struct Held {
    double t_s;
    int pod;
    double heap;
  };
  std::vector<Held> window;
  const Sender sender{detector};
  const auto send = [&](const Held& point) {
    const std::string name = "pod-" + std::to_string(point.pod);
    sender.Send(point.t_s, name, MetricKind::kHeap, point.heap);
    sender.Send(point.t_s, name, MetricKind::kRss, point.heap * 1.1);
  };
  for (double t = 0; t < 6 * kHour; t += 10) {
    for (int i = 0; i < 4; ++i) window.push_back({t, i, fleet.heap(t, i) + noise(random)});
    if (window.size() < 20) continue;  // five ticks: 50 s, within the minute a block waits
    std::shuffle(window.begin(), window.end(), random);
    for (const Held& point : window) send(point);
    send(window.front());
    window.clear();
  }
  const auto found = detector.verdicts();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_NEAR(found[0].bytes_per_hour.value, 40 * kMiB, 5 * kMiB);
}

TEST(FleetDetectorTest, OneWrongClockMovesNothing) {
  FleetDetector detector;
  const Sender sender{detector};
  for (double t = 0; t < 6 * kHour; t += 10) {
    for (int i = 0; i < 4; ++i) {
      const double skew_s = i == 0 ? 86400 : 0;
      const double heap = 500 * kMiB + 40 * kMiB * std::max(0.0, t - 2 * kHour) / kHour;
      sender.Send(t + skew_s, "pod-" + std::to_string(i), MetricKind::kHeap, heap);
    }
  }
  // The wrong clock spoke first; the others outvote it.
  EXPECT_EQ(detector.counters().clock_resets, 1u);
  const auto found = detector.verdicts();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_LT(found[0].detected_at_s, kStart + 6 * kHour);
}

TEST(FleetDetectorTest, ServiceThatWasSilentForHoursIsHeardAgain) {
  FleetDetector detector;
  Feed({.heap = Flat(500 * kMiB), .hours = 2}, detector);
  Feed({.heap = LeakFrom(6 * kHour, 60 * kMiB), .hours = 11}, detector, 5 * kHour);
  EXPECT_EQ(detector.counters().clock_jumps, 1u);
  EXPECT_EQ(detector.verdicts().size(), 1u);
}

TEST(FleetDetectorTest, TablesStayWithinTheirLimits) {
  FleetDetector detector({.max_services = 3,
                          .max_versions_per_service = 2,
                          .max_instances = 10,
                          .max_name_bytes = 16,
                          .max_closed_verdicts = 2});
  const auto name = [](const char* prefix, int i) { return prefix + std::to_string(i); };
  for (int i = 0; i < 4000; ++i) {
    const std::string service = name("s", i % 5), version = name("v", i % 7),
                      pod = name("p", i % 31);
    detector.Add({kStart + i, service, version, pod, MetricKind::kHeap, 1e6});
    EXPECT_LE(detector.services(), 3u);
    EXPECT_LE(detector.instances(), 10u);
  }
  EXPECT_GT(detector.counters().points_refused, 0u);
  const std::string long_name(17, 'x');
  detector.Add({kStart, long_name, "v", "p", MetricKind::kHeap, 1e6});
  EXPECT_EQ(detector.counters().points_invalid, 1u);
}

TEST(FleetDetectorTest, InvalidPointsAreCountedAndChangeNothing) {
  FleetDetector detector;
  const double odd[] = {std::numeric_limits<double>::quiet_NaN(),
                        std::numeric_limits<double>::infinity(), -1, 1e30};
  for (const double value : odd) {
    detector.Add({kStart, "s", "v", "p", MetricKind::kHeap, value});
    detector.Add({value, "s", "v", "p", MetricKind::kHeap, 1});
  }
  EXPECT_EQ(detector.counters().points_invalid, 8u);
  EXPECT_EQ(detector.services(), 0u);
}

// Random points of a small vocabulary, times jumping wildly: nothing breaks, every point is
// accounted for.
TEST(FleetDetectorTest, EveryPointIsAccountedForWhateverComes) {
  for (uint32_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    FleetDetector detector({.max_services = 4, .max_versions_per_service = 3, .max_instances = 12});
    std::mt19937 random(seed);
    const auto pick = [&](int n) { return static_cast<int>(random() % static_cast<uint32_t>(n)); };
    double t = kStart;
    const uint64_t total = 20000;
    for (uint64_t i = 0; i < total; ++i) {
      const double jumps[] = {0, 1, 10, 300, -20, -400, 5000, -5000, 1e6, -1e6};
      t = std::clamp(t + jumps[pick(100) < 97 ? pick(6) : pick(10)], 0.0, 2e9);
      const std::string service = "s" + std::to_string(pick(5)),
                        version = "v" + std::to_string(pick(4)),
                        pod = "p" + std::to_string(pick(6));
      detector.Add(
          {t, service, version, pod, static_cast<MetricKind>(pick(5)), 1e9 * (random() % 1000)});
    }
    detector.Finish();
    const FleetCounters c = detector.counters();
    EXPECT_EQ(c.points + c.points_invalid + c.points_late + c.points_ahead + c.points_refused,
              total);
    EXPECT_LE(detector.instances(), 12u);
  }
}

}  // namespace
}  // namespace tidemark
