#include "detect/route_attribution.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>
#include <random>

namespace tidemark {
namespace {

constexpr double kMb = 1e6;
const std::vector<std::string> kRoutes{"GET /cart", "POST /checkout", "GET /items"};

struct Mix {
  double requests_per_s = 1000;
  double bytes_per_checkout = 2400;
  double background_noise_bytes = 0.1 * kMb;
  double sampling_period_bytes = 512 * 1024;
  double gc_s = 0;  // profiles show the last collection, every gc_s
};

// Checkout's share swings between 30 and 70 % with a period of 20 s; cart and items share the rest.
double CheckoutShare(double t_s) { return 0.5 + 0.2 * std::sin(2 * std::numbers::pi * t_s / 20); }

// Intervals of 5 s of one instance, over `seconds`.
std::vector<RouteInterval> Simulate(const Mix& mix, int seconds, uint32_t seed,
                                    uint32_t instance = 0) {
  std::mt19937 random(seed);
  std::normal_distribution<double> noise(0, mix.background_noise_bytes);
  std::uniform_real_distribution<double> phase(0, mix.gc_s > 0 ? mix.gc_s : 1);
  double leaked = 0, shown = 0, shown_before = 0;
  double next_gc_s = phase(random);
  std::vector<RouteInterval> intervals;
  RouteInterval now{instance, 0, {0, 0, 0}};
  for (int t = 1; t <= seconds; ++t) {
    const auto count = [&](double share) {
      return static_cast<double>(
          std::poisson_distribution<int>(mix.requests_per_s * share)(random));
    };
    const double checkout = CheckoutShare(t);
    const double counts[] = {count((1 - checkout) * 0.6), count(checkout),
                             count((1 - checkout) * 0.4)};
    for (size_t r = 0; r < 3; ++r) now.requests[r] += counts[r];
    const double period = mix.sampling_period_bytes;
    leaked += period *
              std::poisson_distribution<int>(counts[1] * mix.bytes_per_checkout / period)(random);
    if (t >= next_gc_s) {
      shown = leaked;
      next_gc_s = t + mix.gc_s * (0.7 + 0.6 * phase(random) / std::max(mix.gc_s, 1.0));
    }
    if (t % 5 == 0) {
      now.growth_bytes = shown - shown_before + noise(random);
      shown_before = shown;
      intervals.push_back(now);
      now = {instance, 0, {0, 0, 0}};
    }
  }
  return intervals;
}

double ShareOf(const RouteAttribution& answer, const std::string& route) {
  for (const RouteGrowth& growth : answer.routes) {
    if (growth.route == route) return growth.growth_share;
  }
  return -1;
}

// Sampling every 512 KiB sees some 12 objects an interval: a few seeds may be less sure.
TEST(RouteAttributionTest, LeakingRouteHasMostOfTheGrowthWithinAMinute) {
  int first = 0, sure = 0;
  for (uint32_t seed = 0; seed < 50; ++seed) {
    const auto answer = AttributeGrowth(kRoutes, Simulate({}, 60, seed), HeapView::kLive);
    ASSERT_EQ(answer.routes.size(), 3u);
    first += answer.routes[0].route == "POST /checkout";
    sure += ShareOf(answer, "POST /checkout") >= 0.8;
  }
  EXPECT_GE(first, 49);
  EXPECT_GE(sure, 46);
}

TEST(RouteAttributionTest, FinerSamplingMakesItSure) {
  for (uint32_t seed = 0; seed < 50; ++seed) {
    const auto answer = AttributeGrowth(
        kRoutes, Simulate({.sampling_period_bytes = 64 * 1024}, 60, seed), HeapView::kLive);
    EXPECT_GE(ShareOf(answer, "POST /checkout"), 0.8) << "seed " << seed;
    EXPECT_NEAR(answer.routes[0].bytes_per_request, 2400, 0.25 * 2400) << "seed " << seed;
  }
}

// Collections hide when within an interval the growth came.
TEST(RouteAttributionTest, LeakingRouteIsFoundUnderCollectionNoise) {
  int first = 0, sure = 0;
  for (uint32_t seed = 0; seed < 50; ++seed) {
    const auto answer = AttributeGrowth(
        kRoutes, Simulate({.sampling_period_bytes = 64 * 1024, .gc_s = 3}, 60, seed),
        HeapView::kCollected);
    first += answer.routes[0].route == "POST /checkout";
    sure += ShareOf(answer, "POST /checkout") >= 0.8;
  }
  EXPECT_GE(first, 49);
  EXPECT_GE(sure, 38);
}

TEST(RouteAttributionTest, InstancesAddUp) {
  int sure = 0;
  for (uint32_t seed = 0; seed < 20; ++seed) {
    std::vector<RouteInterval> all;
    for (uint32_t i = 0; i < 4; ++i) {
      const auto one = Simulate({.gc_s = 3}, 60, 100 + seed * 4 + i, i);
      all.insert(all.end(), one.begin(), one.end());
    }
    const auto answer = AttributeGrowth(kRoutes, all, HeapView::kCollected);
    EXPECT_EQ(answer.routes[0].route, "POST /checkout") << "seed " << seed;
    sure += answer.routes[0].growth_share >= 0.8;
  }
  EXPECT_GE(sure, 18);
}

TEST(RouteAttributionTest, StandardErrorHoldsTheTruth) {
  int held = 0;
  for (uint32_t seed = 0; seed < 100; ++seed) {
    const auto answer = AttributeGrowth(kRoutes, Simulate({}, 120, 300 + seed), HeapView::kLive);
    const RouteGrowth& top = answer.routes[0];
    held += std::abs(top.bytes_per_request - 2400) <= 2.5 * top.standard_error;
  }
  EXPECT_GE(held, 85);  // 98.8 % if the errors were exact
}

TEST(RouteAttributionTest, TwoLeakingRoutesShareByTheirBytes) {
  std::vector<RouteInterval> intervals;
  std::mt19937 random(3);
  std::uniform_real_distribution<double> count(500, 2500);
  for (int i = 0; i < 40; ++i) {
    const std::vector<double> requests{count(random), count(random), count(random)};
    intervals.push_back({0, 1000 * requests[0] + 3000 * requests[1], requests});
  }
  const auto answer = AttributeGrowth(kRoutes, intervals, HeapView::kLive);
  EXPECT_NEAR(ShareOf(answer, "GET /cart"), 0.25, 0.04);
  EXPECT_NEAR(ShareOf(answer, "POST /checkout"), 0.75, 0.04);
  EXPECT_NEAR(ShareOf(answer, "GET /items"), 0, 0.02);
  EXPECT_GT(answer.r_squared, 0.99);
}

TEST(RouteAttributionTest, RoutesThatAlwaysMoveTogetherSplitTheGrowth) {
  std::vector<RouteInterval> intervals;
  for (int i = 0; i < 20; ++i) {
    const double n = 1000 + 100 * (i % 5);
    intervals.push_back({0, 2000 * n, {n, n}});
  }
  const std::vector<std::string> routes{"a", "b"};
  const auto answer = AttributeGrowth(routes, intervals, HeapView::kLive);
  EXPECT_NEAR(answer.routes[0].growth_share, 0.5, 0.01);
  EXPECT_NEAR(answer.routes[0].bytes_per_request, 1000, 20);
}

TEST(RouteAttributionTest, ShrinkingHeapIsNobodysGrowth) {
  std::vector<RouteInterval> intervals;
  for (int i = 0; i < 20; ++i) intervals.push_back({0, -1000.0 - i, {100.0 + i, 50}});
  const std::vector<std::string> routes{"a", "b"};
  for (const RouteGrowth& growth : AttributeGrowth(routes, intervals, HeapView::kLive).routes) {
    EXPECT_EQ(growth.bytes_per_request, 0);
    EXPECT_EQ(growth.growth_share, 0);
  }
}

TEST(RouteAttributionTest, RoutesBeyondTheLimitAreSummedUp) {
  std::vector<std::string> routes;
  for (size_t r = 0; r < kMaxRoutes + 30; ++r) routes.push_back("/" + std::to_string(r));
  std::mt19937 random(4);
  std::vector<RouteInterval> intervals;
  for (int i = 0; i < 200; ++i) {
    RouteInterval interval{0, 0, {}};
    for (size_t r = 0; r < routes.size(); ++r) {
      interval.requests.push_back(std::poisson_distribution<int>(r == 5 ? 500 : 20)(random));
    }
    interval.growth_bytes = 1000 * interval.requests[5];
    intervals.push_back(interval);
  }
  const auto answer = AttributeGrowth(routes, intervals, HeapView::kLive);
  EXPECT_EQ(answer.routes.size(), kMaxRoutes + 1);
  EXPECT_EQ(answer.routes[0].route, "/5");
  EXPECT_GE(ShareOf(answer, kOtherRoutes), 0);
}

TEST(RouteAttributionTest, UnusableIntervalsAreLeftOut) {
  auto intervals = Simulate({}, 60, 9);
  const auto clean = AttributeGrowth(kRoutes, intervals, HeapView::kLive);
  const double odd[] = {std::numeric_limits<double>::quiet_NaN(),
                        std::numeric_limits<double>::infinity()};
  for (const double value : odd) {
    intervals.push_back({0, value, {1, 1, 1}});
    intervals.push_back({0, 1, {value, 1, 1}});
  }
  intervals.push_back({0, 1, {-1, 1, 1}});
  intervals.push_back({0, 1, {1, 1}});
  const auto answer = AttributeGrowth(kRoutes, intervals, HeapView::kLive);
  EXPECT_EQ(answer.intervals, clean.intervals);
  EXPECT_EQ(ShareOf(answer, "POST /checkout"), ShareOf(clean, "POST /checkout"));
  EXPECT_TRUE(AttributeGrowth({}, intervals, HeapView::kLive).routes.empty());
  EXPECT_TRUE(AttributeGrowth(kRoutes, {}, HeapView::kLive).routes.empty());
}

}  // namespace
}  // namespace tidemark
