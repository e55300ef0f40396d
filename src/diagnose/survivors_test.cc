#include "diagnose/survivors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

namespace tidemark {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kStart = 1767225600 * kSecond;
constexpr double kInuse = 40 << 20;

// One span each half second, whose bytes live `life_s` seconds after its end.
using Life = std::function<double(double ended_s)>;
using Bytes = std::function<double(double ended_s)>;

double NoRequests(const std::string&, int64_t) { return -1; }

class Service {
 public:
  Service(Bytes bytes, Life life) : bytes_(std::move(bytes)), life_(std::move(life)) {}

  // A profile at `second`.
  void Profile(double second, const RouteRequestsAt& requests = NoRequests,
               const std::string& instance = "a") {
    std::vector<EndedBytes> ended;
    for (int i = 1; i * 0.5 <= second; ++i) {
      const double end_s = i * 0.5, bytes = bytes_(end_s);
      if (bytes <= 0 || second - end_s >= life_(end_s)) continue;
      const int64_t end_ns = kStart + static_cast<int64_t>(end_s * kSecond);
      ended.push_back({{TraceId{1, static_cast<uint64_t>(i)}, "/checkout", end_ns - 1000, end_ns},
                       SpanId{static_cast<uint64_t>(i)},
                       7,
                       bytes,
                       bytes / 1000});
    }
    survivors.Add(instance, kStart + static_cast<int64_t>(second * kSecond), kInuse,
                  std::move(ended), requests);
  }
  // The first second, of profiles five apart, at which the route is suspect; 0 = never up to
  // `until`.
  double SuspectAt(double until, const RouteRequestsAt& requests = NoRequests) {
    for (double second = 5; second <= until; second += 5) {
      Profile(second, requests);
      const auto routes = survivors.Routes();
      if (!routes.empty() && routes[0].suspect) return second;
    }
    return 0;
  }
  Survivors survivors;

 private:
  const Bytes bytes_;
  const Life life_;
};

double Forever(double) { return 1e9; }
Life Seconds(double seconds) {
  return [seconds](double) { return seconds; };
}
Bytes Each(double bytes) {
  return [bytes](double) { return bytes; };
}

TEST(SurvivorsTest, OnlyBytesOfSpansThatEndedAMinuteAgoAreSurvivors) {
  Service service(Each(1000), Forever);
  service.Profile(60.2);
  EXPECT_TRUE(service.survivors.Routes().empty());
  service.Profile(70);
  const auto routes = service.survivors.Routes();
  ASSERT_EQ(routes.size(), 1u);
  EXPECT_EQ(routes[0].route, "/checkout");
  EXPECT_EQ(routes[0].bytes, 20'000);
  EXPECT_EQ(routes[0].ended_bytes, 140'000);
  EXPECT_EQ(routes[0].oldest_end_ns, kStart + kSecond / 2);
  EXPECT_EQ(routes[0].instances, std::vector<std::string>{"a"});
  ASSERT_EQ(routes[0].traces.size(), 10u);
  EXPECT_EQ(routes[0].traces[0].bytes, 1000);
  EXPECT_FALSE(routes[0].suspect) << "too little";
}

TEST(SurvivorsTest, LeakIsSuspectWithin90Seconds) {
  Service service(Each(300 << 10), Forever);
  const double at = service.SuspectAt(300);
  EXPECT_GE(at, 75);
  EXPECT_LE(at, 85);
  const RouteSurvivors route = service.survivors.Routes()[0];
  EXPECT_NEAR(route.growth_bytes_per_hour.value, 2.0 * (300 << 10) * 3600,
              0.1 * 2.0 * (300 << 10) * 3600);
  EXPECT_LT(route.growth_bytes_per_hour.low, route.growth_bytes_per_hour.value);
  EXPECT_NEAR(route.kept_share, 1, 0.1);
  EXPECT_EQ(route.suspect_since_ns, kStart + static_cast<int64_t>(at) * kSecond);
}

TEST(SurvivorsTest, SuspicionBecomesAnIncidentWhenItIsHeavy) {
  Service service(Each(300 << 10), Forever);
  ASSERT_GT(service.SuspectAt(300), 0);
  EXPECT_TRUE(service.survivors.Judge().empty());
  service.Profile(110);
  const auto growing = service.survivors.Judge();
  ASSERT_EQ(growing.size(), 1u);
  EXPECT_EQ(growing[0].stack_id, 7u);
  EXPECT_EQ(growing[0].evidence, RequestEvidence::kEndedSpans);
  EXPECT_EQ(growing[0].instances, std::vector<std::string>{"a"});
  EXPECT_GT(growing[0].confidence, 0.5);
  EXPECT_LT(growing[0].confidence, 0.9);
}

// What a healthy service does, ten minutes of it: never suspect.
TEST(SurvivorsTest, BoundedMemoryIsNotSuspect) {
  const double big = 1 << 20;
  const struct {
    const char* what;
    Bytes bytes;
    Life life;
  } kCases[] = {
      {"a request's memory dies with it", Each(big), Seconds(0.2)},
      {"a cache that keeps entries a minute", Each(big), Seconds(60)},
      {"the same, swept every 10 s", Each(big),
       [](double ended) { return 60 + 10 - std::fmod(ended, 10); }},
      {"memory taken by the first request", [=](double s) { return s < 1 ? 50 * big : 0; },
       Forever},
      {"pools that the first 20 s fill", [=](double s) { return s < 20 ? big : 0; }, Forever},
      {"pools that the first minute fills, slower and slower",
       [=](double s) { return big * std::exp(-s / 15); }, Forever},
      {"one request of many keeps much", [=](double s) { return s == 3 ? 100 * big : 100; },
       Forever},
      {"a leak of 20 KiB in 10 minutes", Each(17), Forever},
      {"residence that thins out, a mean of 30 s", Each(big),
       [](double ended) { return -30 * std::log(std::fmod(ended * 0.618034, 1.0) + 1e-6); }},
  };
  for (const auto& c : kCases) {
    Service service(c.bytes, c.life);
    EXPECT_EQ(service.SuspectAt(600), 0) << c.what;
  }
}

TEST(SurvivorsTest, CacheSeenAfterItHasFilledIsNotSuspect) {
  Service service(Each(1 << 20), Seconds(300));
  for (double second = 400; second < 900; second += 5) {
    service.Profile(second);
    ASSERT_FALSE(service.survivors.Routes().at(0).suspect) << second;
  }
}

// What the rules cannot tell, said in docs/detection.md.
TEST(SurvivorsTest, CacheOfFiveMinutesIsSuspectOnlyWhileItFills) {
  Service service(Each(100 << 10), Seconds(300));
  EXPECT_GT(service.SuspectAt(600), 0);
  for (double second = 350; second < 900; second += 5) service.Profile(second);
  EXPECT_FALSE(service.survivors.Routes().at(0).suspect);
}

TEST(SurvivorsTest, LeakUnderSwingingTrafficIsSuspectAndOneThatStoppedIsNot) {
  // The work of a minute is done in its first half; requests are known.
  const auto busy = [](double s) { return std::fmod(s, 60) < 30; };
  const RouteRequestsAt requests = [](const std::string&, int64_t time_ns) {
    const double s = static_cast<double>(time_ns - kStart) / kSecond;
    return 1000.0 * (std::floor(s / 60) * 30 + std::min(std::fmod(s, 60), 30.0));
  };
  Service leak([=](double s) { return busy(s) ? 1 << 20 : 0; }, Forever);
  EXPECT_GT(leak.SuspectAt(600, requests), 0);
  Service stopped([](double s) { return s < 200 ? 1 << 20 : 0; }, Forever);
  stopped.SuspectAt(200);
  for (double second = 205; second < 400; second += 5) stopped.Profile(second);
  EXPECT_FALSE(stopped.survivors.Routes().at(0).suspect);
}

TEST(SurvivorsTest, InstancesAreAddedUpAndSilentOnesForgotten) {
  Service service(Each(1000), Forever);
  service.Profile(100, NoRequests, "a");
  service.Profile(100, NoRequests, "b");
  EXPECT_EQ(service.survivors.Routes()[0].bytes, 160'000);
  EXPECT_EQ(service.survivors.Routes()[0].instances.size(), 2u);
  service.Profile(300, NoRequests, "b");
  EXPECT_EQ(service.survivors.Routes()[0].instances, std::vector<std::string>{"b"});
}

TEST(SurvivorsTest, LimitsHoldAndWhatTheyRefuseIsCounted) {
  Survivors survivors({}, {.max_instances = 2, .max_routes = 3, .max_points = 4});
  std::vector<EndedBytes> ended;
  for (uint64_t i = 1; i <= 10; ++i) {
    ended.push_back(
        {{TraceId{1, i}, "/" + std::to_string(i), kStart, kStart + 1}, SpanId{i}, 7, 1000, 1});
  }
  for (const char* instance : {"a", "b", "c"}) {
    survivors.Add(instance, kStart + 100 * kSecond, kInuse, ended, NoRequests);
  }
  EXPECT_EQ(survivors.Routes().size(), 3u);
  EXPECT_EQ(survivors.Routes()[0].instances.size(), 2u);
  EXPECT_EQ(survivors.routes_left_out(), 21u);
}

}  // namespace
}  // namespace tidemark
