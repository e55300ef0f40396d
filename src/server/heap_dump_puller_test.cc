#include "server/heap_dump_puller.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <future>
#include <thread>

#include "net/http_server.h"
#include "server/small_dump_for_tests.h"

namespace tidemark {
namespace {

// A program that serves its dump at /dump, and something else at /text.
class HeapDumpPullerTest : public testing::Test {
 protected:
  void SetUp() override {
    options_.directory = testing::TempDir() + "heap_dump_puller_" + std::to_string(getpid());
    std::filesystem::remove_all(options_.directory);
    auto program = HttpServer::Start({}, [](HttpRequest request, const HttpResponder& respond) {
      if (request.path == "/dump") return respond({.body = SmallDump()});
      if (request.path == "/text") return respond({.body = "no dump, but a page of text"});
      respond({.status = 404});
    });
    ASSERT_TRUE(program) << program.error().message;
    program_ = *std::move(program);
    dumps_ = std::make_unique<HeapDumps>(
        options_, [this](const HeapDumpInfo& info) { analysed_.set_value(info); });
    puller_ = std::make_unique<HeapDumpPuller>(HeapDumpPullerOptions{.retry_ns = 1'000'000},
                                               dumps_.get());
  }
  void TearDown() override {
    puller_.reset();
    dumps_.reset();
    program_.reset();
    std::filesystem::remove_all(options_.directory);
  }

  HeapDumpOrder OrderOf(const std::string& path) const {
    return {.url = "http://127.0.0.1:" + std::to_string(program_->port()) + path,
            .info = {.name = "shop-1", .service = "shop", .incident_id = "ab"}};
  }
  bool WaitForFailures(uint64_t failures) const {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (puller_->stats().failed < failures && std::chrono::steady_clock::now() < deadline)
      std::this_thread::yield();
    return puller_->stats().failed == failures;
  }

  HeapDumpsOptions options_;
  std::unique_ptr<HttpServer> program_;
  std::promise<HeapDumpInfo> analysed_;
  std::unique_ptr<HeapDumps> dumps_;
  std::unique_ptr<HeapDumpPuller> puller_;
};

TEST_F(HeapDumpPullerTest, ADumpIsFetchedAndAnalysed) {
  ASSERT_TRUE(puller_->Enqueue(OrderOf("/dump")));
  auto analysed = analysed_.get_future();
  ASSERT_EQ(analysed.wait_for(std::chrono::seconds(60)), std::future_status::ready);
  const HeapDumpInfo info = analysed.get();
  EXPECT_EQ(info.name, "shop-1");
  EXPECT_EQ(info.incident_id, "ab");
  EXPECT_EQ(info.heap_objects, 2u);
  EXPECT_EQ(info.bytes, SmallDump().size());
}

TEST_F(HeapDumpPullerTest, WhatIsNoDumpOrNotThereLeavesNothingBehind) {
  for (const char* path : {"/text", "/gone"}) ASSERT_TRUE(puller_->Enqueue(OrderOf(path)));
  ASSERT_TRUE(puller_->Enqueue({.url = "http://127.0.0.1:1/dump"}));
  ASSERT_TRUE(WaitForFailures(3));
  EXPECT_EQ(puller_->stats().pulled, 0u);
  EXPECT_EQ(dumps_->stats().waiting, 0u);
  EXPECT_TRUE(std::filesystem::is_empty(options_.directory));
}

TEST_F(HeapDumpPullerTest, ItWaitsForRoomBeforeItAsks) {
  std::vector<std::shared_ptr<HttpBodySink>> arriving;
  for (size_t i = 0; i < options_.max_waiting; ++i) arriving.push_back(*dumps_->Begin({}));
  ASSERT_TRUE(puller_->Enqueue(OrderOf("/dump")));
  while (dumps_->stats().refused < 3) std::this_thread::yield();
  EXPECT_EQ(program_->stats().requests, 0u);
  arriving.clear();
  auto analysed = analysed_.get_future();
  EXPECT_EQ(analysed.wait_for(std::chrono::seconds(60)), std::future_status::ready);
}

}  // namespace
}  // namespace tidemark
