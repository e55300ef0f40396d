#include "collect/exporter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <set>

#include "base/gzip.h"
#include "net/http_server.h"

namespace tidemark {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kMinuteNs = 60'000'000'000;

// Answers each request with the next of `statuses`, then with 200.
class Server {
 public:
  explicit Server(std::vector<int> statuses) : statuses_(std::move(statuses)) {
    auto server = HttpServer::Start({}, [this](HttpRequest request, HttpResponder respond) {
      const std::lock_guard lock(mutex_);
      HttpResponse response;
      if (next_ < statuses_.size()) response.status = statuses_[next_++];
      if (response.status == 200) bodies_.insert(Gunzip(request.body, 1000).value_or("damaged"));
      ++requests_;
      respond(response);
    });
    EXPECT_TRUE(server);
    server_ = std::move(*server);
  }
  ExporterOptions Options() const {
    ExporterOptions options;
    options.server = "http://127.0.0.1:" + std::to_string(server_->port());
    options.first_retry_ns = 1'000'000;
    return options;
  }
  std::multiset<std::string> bodies() {
    const std::lock_guard lock(mutex_);
    return bodies_;
  }
  int requests() const { return requests_; }

 private:
  std::mutex mutex_;
  std::vector<int> statuses_;
  size_t next_ = 0;
  std::multiset<std::string> bodies_;
  std::atomic<int> requests_ = 0;
  std::unique_ptr<HttpServer> server_;
};

TEST(ExporterTest, RequestsArriveWholeAndOnce) {
  Server server({});
  Exporter exporter(server.Options());
  for (const char* body : {"a", "b", "c"}) exporter.Send("/v1/metrics", body);
  ASSERT_TRUE(exporter.Flush(kMinuteNs));
  EXPECT_EQ(server.bodies(), (std::multiset<std::string>{"a", "b", "c"}));
  EXPECT_EQ(exporter.stats().sent, 3u);
}

TEST(ExporterTest, RetryableAnswersAreTriedAgain) {
  Server server({503, 429, 504});
  Exporter exporter(server.Options());
  exporter.Send("/v1/metrics", "a");
  ASSERT_TRUE(exporter.Flush(kMinuteNs));
  EXPECT_EQ(server.bodies(), std::multiset<std::string>{"a"});
  EXPECT_EQ(exporter.stats().retried, 3u);
  EXPECT_EQ(exporter.stats().dropped_failed, 0u);
}

TEST(ExporterTest, RefusalIsFinalAndNamed) {
  Server server({400});
  Exporter exporter(server.Options());
  exporter.Send("/v1/metrics", "a");
  ASSERT_TRUE(exporter.Flush(kMinuteNs));
  EXPECT_EQ(server.requests(), 1);
  EXPECT_EQ(exporter.stats().dropped_failed, 1u);
  EXPECT_THAT(exporter.stats().last_error, HasSubstr("/v1/metrics answered 400"));
}

TEST(ExporterTest, AbsentServerIsGivenUpAfterAllAttempts) {
  ExporterOptions options;
  options.server = "http://127.0.0.1:1";
  options.first_retry_ns = 1'000'000;
  Exporter exporter(options);
  exporter.Send("/v1/metrics", "a");
  ASSERT_TRUE(exporter.Flush(kMinuteNs));
  EXPECT_EQ(exporter.stats().retried, 5u);
  EXPECT_EQ(exporter.stats().dropped_failed, 1u);
}

TEST(ExporterTest, FullQueueDropsTheOldestAndCounts) {
  ExporterOptions options;
  options.server = "http://127.0.0.1:1";
  options.first_retry_ns = kMinuteNs;  // the first request waits in the queue for its next attempt
  options.max_retry_ns = kMinuteNs;
  options.max_queue = 2;
  Exporter exporter(options);
  for (int i = 0; i < 20; ++i) exporter.Send("/v1/metrics", "a");
  EXPECT_GE(exporter.stats().dropped_full, 17u);
}

}  // namespace
}  // namespace tidemark
