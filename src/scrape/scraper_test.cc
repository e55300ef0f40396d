// The scraper against real HTTP servers in this process.
#include "scrape/scraper.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <thread>

#include "base/gzip.h"
#include "base/time.h"
#include "codec/pprof.h"
#include "net/http_server.h"
#include "scrape/labels.h"

namespace tidemark {
namespace {

bool Eventually(const std::function<bool()>& condition) {
  int64_t deadline_ns = SteadyClockNs() + 20 * kNsPerSecond;
  while (!condition()) {
    if (SteadyClockNs() > deadline_ns) return false;
    std::this_thread::yield();
  }
  return true;
}

// Keeps everything it gets.
class Collected : public ScrapeSink {
 public:
  void OnMetrics(MetricBatch batch) override {
    std::lock_guard lock(mutex_);
    metrics_.push_back(std::move(batch));
  }
  void OnProfile(ProfileBatch batch) override {
    std::lock_guard lock(mutex_);
    profiles_.push_back(std::move(batch));
  }
  std::vector<MetricBatch> metrics() const {
    std::lock_guard lock(mutex_);
    return metrics_;
  }
  std::vector<ProfileBatch> profiles() const {
    std::lock_guard lock(mutex_);
    return profiles_;
  }
  // Batches whose `up` is `value`, of the instance.
  size_t Ups(const std::string& instance, double value) const {
    size_t count = 0;
    for (const MetricBatch& batch : metrics()) {
      for (const Point& point : batch.points) {
        if (batch.resource.target.instance == instance && point.metric == "up" &&
            point.value == value)
          ++count;
      }
    }
    return count;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<MetricBatch> metrics_;
  std::vector<ProfileBatch> profiles_;
};

Profile SmallProfile() {
  Profile profile;
  profile.sample_types = {{"inuse_objects", "count"}, {"inuse_space", "bytes"}};
  profile.functions.push_back({"main.leak", "main.leak", "main.go", 1});
  profile.locations.push_back({kNoIndex, 0x1000, {{0, 42}}});
  profile.samples.push_back({{0}, {3, 4096}, {}});
  profile.period = 524288;
  return profile;
}

class ScraperTest : public testing::Test {
 protected:
  ScraperTest() {
    auto server = HttpServer::Start(
        {}, [this](HttpRequest request, HttpResponder respond) { respond(Answer(request)); });
    EXPECT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
    address_ = "127.0.0.1:" + std::to_string(server_->port());
  }

  virtual HttpResponse Answer(const HttpRequest& request) {
    HttpResponse response;
    if (request.path == "/metrics") {
      EXPECT_NE(HeaderOr(request.headers, "Accept").find("openmetrics"), std::string::npos);
      response.content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
      response.body = Gzip(
          "# TYPE go_goroutines gauge\ngo_goroutines 7\n# TYPE app_requests "
          "counter\napp_requests_total{route=\"/a\"} 5\n"
          "# TYPE target info\ntarget_info{service_version=\"v1.20.0\"} 1\n# EOF\n");
      response.headers.emplace_back("Content-Encoding", "gzip");
    } else if (request.path == "/debug/pprof/heap") {
      response.content_type = "application/octet-stream";
      response.body = EncodePprof(SmallProfile());
    } else if (request.path == "/cut") {
      response.content_type = "application/openmetrics-text";
      response.body = "a 1\n";
    } else {
      response.status = 404;
      response.body = "no such page\nreally";
    }
    return response;
  }

  ScrapeConfig Parse(const std::string& text) {
    auto config = ParseScrapeConfig(text, "/nowhere/f.yml");
    EXPECT_TRUE(config) << config.error().message;
    return *config;
  }

  std::string Job(const std::string& name, const std::string& extra = "") {
    return "- job_name: " + name + "\n  scrape_interval: 50ms\n  static_configs: [{targets: ['" +
           address_ + "'], labels: {env: test}}]\n" + extra;
  }

  std::unique_ptr<HttpServer> server_;
  std::string address_;
  Collected sink_;
};

TEST_F(ScraperTest, MetricsAndProfilesArriveWithTheTargetsIdentity) {
  ScraperOptions options;
  options.wall_clock_ns = [] { return int64_t{1'800'000'000'000'000'000}; };
  auto scraper =
      Scraper::Start(Parse("scrape_configs:\n" +
                           Job("shop/checkout",
                               "  profiling_config: {pprof_config: {memory: {enabled: true}}}\n")),
                     options, &sink_);
  ASSERT_TRUE(
      Eventually([&] { return sink_.metrics().size() >= 2 && sink_.profiles().size() >= 2; }));
  const Target expected{"checkout", "shop", "v1.20.0", address_};

  MetricBatch batch = sink_.metrics()[0];
  EXPECT_EQ(batch.resource.target, expected);
  EXPECT_EQ(AttributeOr(batch.resource.attributes, "env"), "test");
  EXPECT_EQ(AttributeOr(batch.resource.attributes, kPprofUrlAttribute),
            "http://" + address_ + "/debug/pprof/heap");
  std::map<std::string, Point> points;
  for (const Point& point : batch.points) points[point.metric] = point;
  ASSERT_EQ(points.size(), 6u);
  EXPECT_EQ(points["go_goroutines"].value, 7);
  EXPECT_EQ(points["go_goroutines"].time_ns, 1'800'000'000'000'000'000);
  EXPECT_EQ(points["app_requests_total"].kind, PointKind::kCounter);
  EXPECT_EQ(points["up"].value, 1);
  EXPECT_EQ(points["scrape_samples_scraped"].value, 3);
  EXPECT_GT(points["scrape_duration_seconds"].value, 0);

  ProfileBatch profile = sink_.profiles()[0];
  EXPECT_EQ(profile.resource.target, expected) << "the profile waits for the version";
  ASSERT_EQ(profile.profile.samples.size(), 1u);
  EXPECT_EQ(profile.profile.Total(1), 4096);
  EXPECT_EQ(profile.profile.time_ns, 1'800'000'000'000'000'000);

  ASSERT_TRUE(
      Eventually([&] { return scraper->stats().profiles >= 1 && scraper->stats().samples >= 3; }));
  auto statuses = scraper->Statuses();
  ASSERT_EQ(statuses.size(), 2u);
  EXPECT_EQ(statuses[0].url, "http://" + address_ + "/metrics");
  EXPECT_EQ(statuses[0].error, "");
  EXPECT_EQ(statuses[0].samples, 3u);
  EXPECT_EQ(statuses[0].last_pull_ns, 1'800'000'000'000'000'000);
  EXPECT_TRUE(statuses[1].profile);
  EXPECT_EQ(statuses[1].resource.target, expected);
  EXPECT_EQ(scraper->stats().failed_pulls, 0u);
}

TEST_F(ScraperTest, FailuresGiveUpZeroAndSaysWhyWhileOthersGoOn) {
  auto scraper = Scraper::Start(
      Parse("scrape_configs:\n" + Job("good") + Job("cut", "  metrics_path: /cut\n") +
            Job("missing", "  metrics_path: /nothing\n") +
            "- job_name: dead\n  scrape_interval: 50ms\n  static_configs: [{targets: "
            "['127.0.0.1:1']}]\n"),
      {}, &sink_);
  ASSERT_TRUE(Eventually([&] {
    return sink_.Ups(address_, 1) >= 3 && sink_.Ups(address_, 0) >= 2 &&
           sink_.Ups("127.0.0.1:1", 0) >= 1;
  }));
  ASSERT_TRUE(Eventually([&] {
    for (const ScrapeStatus& status : scraper->Statuses()) {
      if (status.last_pull_ns == 0) return false;
    }
    return true;
  }));
  std::map<std::string, std::string> errors;
  for (const ScrapeStatus& status : scraper->Statuses()) errors[status.job] = status.error;
  EXPECT_EQ(errors["good"], "");
  EXPECT_EQ(errors["cut"], "http://" + address_ + "/cut: line 1: the page is cut off: no # EOF");
  EXPECT_EQ(errors["missing"],
            "GET http://" + address_ + "/nothing: HTTP status 404: no such page");
  EXPECT_NE(errors["dead"].find("127.0.0.1:1"), std::string::npos);
  EXPECT_GE(scraper->stats().failed_pulls, 3u);
}

TEST_F(ScraperTest, UnwantedMetricsAreLeftOutButTheVersionIsRead) {
  ScraperOptions options;
  options.keep_metric = [](std::string_view metric) { return metric.starts_with("go_"); };
  auto scraper = Scraper::Start(Parse("scrape_configs:\n" + Job("a")), options, &sink_);
  ASSERT_TRUE(Eventually([&] { return !sink_.metrics().empty(); }));
  MetricBatch batch = sink_.metrics()[0];
  EXPECT_EQ(batch.resource.target.version, "v1.20.0");
  for (const Point& point : batch.points) EXPECT_NE(point.metric, "app_requests_total");
}

TEST_F(ScraperTest, TargetsFollowTheirFile) {
  std::string name = (std::filesystem::temp_directory_path() / "tidemark-scraper-XXXXXX").string();
  std::filesystem::path folder = mkdtemp(name.data());
  auto write = [&](const std::string& text) {
    std::ofstream(folder / "new") << text;
    std::filesystem::rename(folder / "new", folder / "t.yml");
  };
  write("[]");
  {
    auto scraper =
        Scraper::Start(Parse("scrape_configs:\n- job_name: f\n  scrape_interval: 20ms\n  "
                             "file_sd_configs: [{files: ['" +
                             (folder / "t.yml").string() + "'], refresh_interval: 20ms}]\n"),
                       {}, &sink_);
    EXPECT_EQ(scraper->stats().targets, 0u);
    write("- targets: ['" + address_ + "']\n");
    EXPECT_TRUE(Eventually([&] { return sink_.Ups(address_, 1) >= 2; }));
    write("- target: oops\n");
    EXPECT_TRUE(Eventually([&] { return !scraper->stats().discovery_errors.empty(); }));
    EXPECT_EQ(scraper->stats().targets, 1u);
    write("[]");
    EXPECT_TRUE(Eventually([&] { return scraper->stats().targets == 0; }));
    EXPECT_TRUE(scraper->Statuses().empty());
  }
  std::filesystem::remove_all(folder);
}

TEST_F(ScraperTest, APullInProgressEndsWhenCancelled) {
  std::vector<HttpResponder> kept;
  std::atomic<bool> cancelled{false};
  auto silent = HttpServer::Start({.drain_timeout_ns = 1}, [&](HttpRequest, HttpResponder respond) {
    kept.push_back(std::move(respond));
    cancelled = true;
  });
  auto bytes = PullProfile("http://127.0.0.1:" + std::to_string((*silent)->port()) + "/",
                           3600 * kNsPerSecond, &cancelled);
  ASSERT_FALSE(bytes);
  EXPECT_NE(bytes.error().message.find("cancelled"), std::string::npos);
}

TEST_F(ScraperTest, PullProfileReturnsTheBytesOrNamesTheUrl) {
  auto bytes = PullProfile("http://" + address_ + "/debug/pprof/heap", 5 * kNsPerSecond);
  ASSERT_TRUE(bytes) << bytes.error().message;
  EXPECT_TRUE(DecodeProfile(*bytes));
  auto missing = PullProfile("http://" + address_ + "/gone", 5 * kNsPerSecond);
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("/gone: HTTP status 404"), std::string::npos);
}

}  // namespace
}  // namespace tidemark
