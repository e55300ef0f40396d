// Estimated live bytes of 1,000 random workloads against the exact truth, each on a stack of its
// own, in real processes (docs/sampling.md derives what is checked here).
//
// Two facts are checked. The interval that Tidemark states, estimate +- 1.96 standard errors, holds
// the truth in 93 to 97 of 100 workloads: 95 for the normal distribution, give or take what 60
// samples a workload leave of skew. And the sum over all workloads lies within 5 of its own
// standard errors. The recorder draws from the kernel's randomness, so a right recorder fails by
// chance: below 1e-6 for each of the three intervals and each of the two facts, 6e-6 in all.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "recorded_process.h"
#include "recorder/sampler.h"

namespace tidemark::crash {
namespace {

constexpr int kWorkloads = 1000;
constexpr double kSigmas95 = 1.96;

struct Case {
  const char* name;
  uint64_t sample_bytes;    // at start
  uint64_t interval_bytes;  // sizes lie around it
  uint64_t small_bytes;     // the largest of the small blocks
  uint64_t live_bytes;      // of one workload
  int processes;            // one after the other
  int rounds;               // workloads that a process builds and frees one after the other
  int sites;                // workloads alive together
  uint32_t doublings;       // at least
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

struct Sum {
  double bytes = 0;
  double variance = 0;
};

struct Score {
  int workloads = 0;
  int held = 0;  // truth within the stated interval
  Sum error;     // over all workloads
  double truth = 0;
};

// Each live sample is added to the workload whose Site stands in its stack.
std::vector<Sum> BySite(const RecordedProcess& process, const LedgerSnapshot& snapshot, int sites) {
  constexpr uint64_t kSiteBytes = 64;
  std::vector<uint64_t> starts;
  for (int k = 0; k < sites; ++k) starts.push_back(process.mark("site" + std::to_string(k)));
  std::vector<int> site_of(snapshot.stacks.size(), -1);
  for (size_t i = 0; i < site_of.size(); ++i) {
    for (const uint64_t frame : snapshot.stacks[i].frames) {
      for (int k = 0; k < sites; ++k) {
        if (frame > starts[k] && frame - starts[k] < kSiteBytes) site_of[i] = k;
      }
    }
  }
  std::vector<Sum> sums(sites);
  for (const LedgerSample& sample : snapshot.live) {
    const int k = site_of[sample.stack];
    if (k < 0) continue;
    const double p = static_cast<double>(sample.size) / sample.bytes;
    sums[k].bytes += sample.bytes;
    sums[k].variance += sample.bytes * sample.bytes * (1 - p);
  }
  return sums;
}

void ScoreRound(const RecordedProcess& process, const Case& c, Score* score) {
  const auto snapshot = process.Ledger();
  ASSERT_TRUE(snapshot) << snapshot.error().message;
  EXPECT_GE(snapshot->header.interval_doublings, c.doublings);
  for (size_t kind = 0; kind < snapshot->header.losses.size(); ++kind) {
    EXPECT_EQ(snapshot->header.losses[kind], 0u) << LedgerLossName(static_cast<ledger::Loss>(kind));
  }
  const std::vector<Sum> sums = BySite(process, *snapshot, c.sites);
  for (int k = 0; k < c.sites; ++k) {
    const auto truth = static_cast<double>(process.mark("truth" + std::to_string(k)));
    const double error = sums[k].bytes - truth;
    ++score->workloads;
    score->held += std::fabs(error) <= kSigmas95 * std::sqrt(sums[k].variance);
    score->error.bytes += error;
    score->error.variance += sums[k].variance;
    score->truth += truth;
  }
}

// P(X <= most) for X binomial (n, p).
double BinomialAtMost(int n, double p, int most) {
  double sum = 0;
  for (int k = 0; k <= most; ++k) {
    sum += std::exp(std::lgamma(n + 1.0) - std::lgamma(k + 1.0) - std::lgamma(n - k + 1.0) +
                    k * std::log(p) + (n - k) * std::log1p(-p));
  }
  return sum;
}

// P(|N - mean| <= 1.96 sqrt(N)) for N Poisson: how often the stated interval of a stack of small
// blocks holds the truth.
double Coverage(double mean) {
  double sum = 0;
  for (int n = 1; n < mean + 20 * std::sqrt(mean) + 50; ++n) {
    if (std::fabs(n - mean) <= kSigmas95 * std::sqrt(n))
      sum += std::exp(-mean + n * std::log(mean) - std::lgamma(n + 1.0));
  }
  return sum;
}

void Expect(const Score& score) {
  constexpr double kFalseAlarm = 5e-7;  // on each side
  ASSERT_EQ(score.workloads, kWorkloads);
  int fewest = 0, most = kWorkloads;
  while (BinomialAtMost(kWorkloads, 0.93, fewest) < kFalseAlarm) ++fewest;
  while (1 - BinomialAtMost(kWorkloads, 0.97, most - 1) < kFalseAlarm) --most;
  std::printf("  held %d of %d (%d to %d are right)\n", score.held, score.workloads, fewest, most);
  EXPECT_GE(score.held, fewest);
  EXPECT_LE(score.held, most);
  const double deviation = std::sqrt(score.error.variance);
  std::printf("  sum off by %+.3f %%, %+.2f standard errors\n",
              100 * score.error.bytes / score.truth, score.error.bytes / deviation);
  EXPECT_LE(std::fabs(score.error.bytes), 5 * deviation);
}

class TruthTest : public ::testing::TestWithParam<Case> {};

TEST_P(TruthTest, StatedIntervalsHoldTheTruthAndTheMeanHasNoBias) {
  const Case& c = GetParam();
  Score score;
  for (int seed = 1; seed <= c.processes; ++seed) {
    RecordedProcess process;
    const std::vector<std::string> arguments = {
        TIDEMARK_TRUTH_SUBJECT,        std::to_string(c.rounds),
        std::to_string(c.sites),       std::to_string(c.live_bytes),
        std::to_string(c.small_bytes), std::to_string(c.interval_bytes),
        std::to_string(seed)};
    ASSERT_TRUE(process.StartUntilReady({.arguments = arguments, .sample_bytes = c.sample_bytes}));
    ASSERT_NO_FATAL_FAILURE(ScoreRound(process, c, &score));
    for (int round = 1; round < c.rounds; ++round) {
      ASSERT_TRUE(process.NextReady());
      ASSERT_NO_FATAL_FAILURE(ScoreRound(process, c, &score));
    }
  }
  Expect(score);
}

constexpr uint64_t kKiB = 1024;
INSTANTIATE_TEST_SUITE_P(Interval, TruthTest,
                         ::testing::Values(Case{.name = "Of64KiB",
                                                .sample_bytes = 64 * kKiB,
                                                .interval_bytes = 64 * kKiB,
                                                .small_bytes = 2000,
                                                .live_bytes = 100 * 64 * kKiB,
                                                .processes = 1,
                                                .rounds = 50,
                                                .sites = 20,
                                                .doublings = 0},
                                           Case{.name = "Of512KiB",
                                                .sample_bytes = 512 * kKiB,
                                                .interval_bytes = 512 * kKiB,
                                                .small_bytes = 4000,
                                                .live_bytes = 60 * 512 * kKiB,
                                                .processes = 1,
                                                .rounds = 100,
                                                .sites = 10,
                                                .doublings = 0},
                                           // 64 bytes at first; the table fills two or three times
                                           // while the workloads grow.
                                           Case{.name = "Doubled",
                                                .sample_bytes = 64,
                                                .interval_bytes = 512,
                                                .small_bytes = 256,
                                                .live_bytes = 1500 * kKiB,
                                                .processes = 50,
                                                .rounds = 1,
                                                .sites = 20,
                                                .doublings = 2}),
                         [](const auto& info) { return std::string(info.param.name); });

// The numbers of docs/sampling.md.
constexpr double kInterval = 524288;

TEST(SamplingDocumentTest, WeightsAreAsWritten) {
  const struct {
    uint64_t size;
    double p, blocks, bytes, kept;
  } rows[] = {{64, 0.00012206, 8192.5, 524320, 0.50002},
              {4096, 0.0077821, 128.50, 526339, 0.50098},
              {65536, 0.11750, 8.5104, 557738, 0.51562},
              {524288, 0.63212, 1.5820, 829411, 0.62246},
              {4 << 20, 0.99966, 1.0003, 4195712, 0.98201}};
  for (const auto& row : rows) {
    const double p = recorder::SampleProbability(row.size, kInterval);
    EXPECT_NEAR(p / row.p, 1, 5e-5) << row.size;
    EXPECT_NEAR(1 / p / row.blocks, 1, 5e-5) << row.size;
    EXPECT_NEAR(static_cast<double>(row.size) / p, row.bytes, 0.5) << row.size;
    EXPECT_NEAR(recorder::KeepOnDoubling(row.size, kInterval), row.kept, 6e-6) << row.size;
  }
}

TEST(SamplingDocumentTest, StandardErrorsAreAsWritten) {
  const struct {
    double blocks;
    uint64_t size;
    double sampled, percent, last_digit;
  } rows[] = {{819200, 64, 99.99, 10.0, 0.05},
              {50, 1 << 20, 43.2, 5.6, 0.05},
              {12, 4 << 20, 12.0, 0.53, 0.005}};
  for (const auto& row : rows) {
    const double p = recorder::SampleProbability(row.size, kInterval);
    EXPECT_NEAR(row.blocks * p, row.sampled, 0.05) << row.size;
    EXPECT_NEAR(100 * std::sqrt((1 - p) / (row.blocks * p)), row.percent, row.last_digit);
  }
}

TEST(SamplingDocumentTest, CoverageIsAsWritten) {
  const struct {
    double samples, percent;
  } rows[] = {{1, 63.2},  {3, 79.7},  {5, 87.0},   {10, 92.6},  {20, 94.8},
              {30, 93.1}, {60, 94.9}, {100, 94.5}, {1000, 95.0}};
  for (const auto& row : rows)
    EXPECT_NEAR(100 * Coverage(row.samples), row.percent, 0.05) << row.samples;
}

}  // namespace
}  // namespace tidemark::crash
