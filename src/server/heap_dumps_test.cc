#include "server/heap_dumps.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "base/files.h"
#include "query/api.h"
#include "server/heap_dump_api.h"
#include "server/small_dump_for_tests.h"

namespace tidemark {
namespace {

using testing::HasSubstr;

class HeapDumpsTest : public testing::Test {
 protected:
  void SetUp() override {
    options_.directory = testing::TempDir() + "heap_dumps_" + std::to_string(getpid());
    std::filesystem::remove_all(options_.directory);
    Start();
  }
  void TearDown() override {
    dumps_.reset();
    std::filesystem::remove_all(options_.directory);
  }

  void Start() {
    dumps_.reset();
    dumps_ = std::make_unique<HeapDumps>(options_, [](const HeapDumpInfo&) {});
    handler_ = MakeHeapDumpHandler(dumps_.get(), [](HttpRequest, const HttpResponder& respond) {
      respond({.status = 404, .body = "the rest"});
    });
    sink_ = MakeHeapDumpSink(dumps_.get(), [](const std::string& id) -> Result<void> {
      if (id == "ab") return {};
      return NotFound("no incident '" + id + "'");
    });
  }

  HttpResponse Call(const std::string& method, const std::string& path,
                    std::vector<std::pair<std::string, std::string>> query = {},
                    const std::string& body = "") {
    HttpRequest request{.method = method, .path = path, .query = std::move(query)};
    auto sink = sink_(request);
    if (!sink) return ErrorResponse(sink.error());
    request.sink = *sink;
    for (size_t at = 0; request.sink && at < body.size(); at += 50) {
      if (auto wrote = request.sink->Write(std::string_view(body).substr(at, 50)); !wrote)
        return ErrorResponse(wrote.error());
    }
    sink = std::shared_ptr<HttpBodySink>();
    HttpResponse answer;
    handler_(std::move(request), [&](HttpResponse response) { answer = std::move(response); });
    return answer;
  }
  std::string Post(const std::string& body,
                   std::vector<std::pair<std::string, std::string>> query = {}) {
    const HttpResponse answer = Call("POST", "/api/v1/heap-dumps", std::move(query), body);
    EXPECT_EQ(answer.status, 202) << answer.body;
    return answer.body.substr(7, 16);  // {"id":"..."}
  }
  // The state of a dump once it is analysed or has failed.
  std::string StateAtTheEnd(const std::string& id) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (std::chrono::steady_clock::now() < deadline) {
      const auto info = dumps_->Find(id);
      if (!info || info->state == "done" || info->state == "failed")
        return info ? info->state : "gone";
      std::this_thread::yield();
    }
    return "late";
  }
  size_t FilesIn(const std::string& suffix) const {
    size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(options_.directory))
      count += entry.path().string().ends_with(suffix) ? 1 : 0;
    return count;
  }

  HeapDumpsOptions options_;
  std::unique_ptr<HeapDumps> dumps_;
  HttpHandler handler_;
  std::function<Result<std::shared_ptr<HttpBodySink>>(const HttpRequest&)> sink_;
};

TEST_F(HeapDumpsTest, APostedDumpIsAnsweredWithAReportInThreeForms) {
  const std::string id =
      Post(SmallDump(), {{"service", "shop"}, {"incident", "ab"}, {"name", "n"}});
  ASSERT_EQ(StateAtTheEnd(id), "done");
  const std::string one = Call("GET", "/api/v1/heap-dumps/" + id).body;
  EXPECT_THAT(one, HasSubstr("\"service\":\"shop\""));
  EXPECT_THAT(one, HasSubstr("\"incident_id\":\"ab\""));
  EXPECT_THAT(one, HasSubstr("\"heap_objects\":2"));
  EXPECT_THAT(one, HasSubstr("\"report\":{\"version\":1,"));
  const HttpResponse page = Call("GET", "/api/v1/heap-dumps/" + id + "/html");
  EXPECT_THAT(page.body, testing::StartsWith("<!doctype html>"));
  EXPECT_THAT(HeaderOr(page.headers, "Content-Security-Policy"), HasSubstr("sandbox"));
  EXPECT_THAT(Call("GET", "/api/v1/heap-dumps/" + id + "/pprof").body,
              testing::StartsWith("\x1f\x8b"));
  EXPECT_THAT(Call("GET", "/api/v1/heap-dumps", {{"incident", "ab"}}).body, HasSubstr(id));
  EXPECT_EQ(Call("GET", "/api/v1/heap-dumps", {{"incident", "cd"}}).body, "{\"heap_dumps\":[]}");
}

TEST_F(HeapDumpsTest, TheDumpItselfIsGoneOnceItIsAnalysed) {
  ASSERT_EQ(StateAtTheEnd(Post(SmallDump())), "done");
  EXPECT_EQ(FilesIn(".dump") + FilesIn(".part"), 0u);
}

TEST_F(HeapDumpsTest, WhatIsNoDumpIsRefusedAtItsFirstBytes) {
  const HttpResponse zip =
      Call("POST", "/api/v1/heap-dumps", {}, "PK\x03\x04" + std::string(1000, 'z'));
  EXPECT_EQ(zip.status, 400);
  EXPECT_THAT(zip.body, HasSubstr("known are Go heap dumps"));
  EXPECT_EQ(Call("POST", "/api/v1/heap-dumps", {}, "").status, 400);
  EXPECT_EQ(FilesIn(".part"), 0u);
  EXPECT_EQ(dumps_->stats().waiting, 0u);
}

TEST_F(HeapDumpsTest, UnknownParametersAndIncidentsAreRefusedBeforeTheBody) {
  EXPECT_EQ(Call("POST", "/api/v1/heap-dumps", {{"incident", "zz"}}, SmallDump()).status, 404);
  EXPECT_EQ(Call("POST", "/api/v1/heap-dumps", {{"servise", "a"}}, SmallDump()).status, 400);
  EXPECT_EQ(Call("GET", "/api/v1/heap-dumps/" + std::string(16, '0')).status, 404);
  EXPECT_EQ(Call("GET", "/api/v1/heap-dumps/../../x/html").status, 404);
  EXPECT_EQ(Call("DELETE", "/api/v1/heap-dumps").status, 405);
  EXPECT_EQ(Call("GET", "/elsewhere").body, "the rest");
}

TEST_F(HeapDumpsTest, ADamagedDumpFailsOrIsPartialAndSaysSo) {
  std::string cut = SmallDump();
  cut.resize(cut.size() - 20);
  const std::string id = Post(cut);
  const std::string state = StateAtTheEnd(id);
  const auto info = dumps_->Find(id);
  ASSERT_TRUE(info);
  if (state == "done") {
    EXPECT_NE(info->damage, "");
    EXPECT_THAT(info->headline, testing::StartsWith("PARTIAL"));
  } else {
    EXPECT_NE(info->error, "");
    EXPECT_THAT(info->error, testing::Not(HasSubstr(options_.directory)));
    EXPECT_EQ(Call("GET", "/api/v1/heap-dumps/" + id + "/html").status, 404);
  }
}

TEST_F(HeapDumpsTest, OneThatBreaksOffGivesItsRoomBack) {
  {
    auto sink = dumps_->Begin({});
    ASSERT_TRUE(sink);
    ASSERT_TRUE((*sink)->Write("go1.7 heap dump\n"));
    EXPECT_EQ(dumps_->stats().waiting, 1u);
  }
  EXPECT_EQ(dumps_->stats().waiting, 0u);
  EXPECT_EQ(dumps_->stats().broken_off, 1u);
  EXPECT_EQ(FilesIn(".part"), 0u);
}

TEST_F(HeapDumpsTest, TooManyAtATimeAreToldToComeLater) {
  std::vector<std::shared_ptr<HttpBodySink>> arriving;
  for (size_t i = 0; i < options_.max_waiting; ++i) arriving.push_back(*dumps_->Begin({}));
  const HttpResponse answer = Call("POST", "/api/v1/heap-dumps", {}, SmallDump());
  EXPECT_EQ(answer.status, 429);
  EXPECT_EQ(HeaderOr(answer.headers, "Retry-After"), "1");
  EXPECT_EQ(dumps_->stats().refused, 1u);
}

TEST_F(HeapDumpsTest, ReportsAreThereAfterARestartAndWhatWaitedIsAnalysed) {
  const std::string id = Post(SmallDump());
  ASSERT_EQ(StateAtTheEnd(id), "done");
  dumps_.reset();
  HeapDumpInfo waiting;
  waiting.id = "00000000000000aa";
  waiting.state = "analysing";
  waiting.attempts = 1;
  ASSERT_TRUE(
      WriteWholeFile(options_.directory + "/00000000000000aa.json", HeapDumpInfoJson(waiting)));
  ASSERT_TRUE(WriteWholeFile(options_.directory + "/00000000000000aa.dump", SmallDump(3)));
  ASSERT_TRUE(WriteWholeFile(options_.directory + "/00000000000000bb.part", "half"));
  Start();
  EXPECT_EQ(StateAtTheEnd(waiting.id), "done");
  EXPECT_EQ(dumps_->Find(id)->state, "done");
  EXPECT_TRUE(dumps_->Read(id, HeapDumpFile::kHtml));
  EXPECT_EQ(FilesIn(".part"), 0u);
}

TEST_F(HeapDumpsTest, ADumpThatEndedTheServerTwiceIsGivenUp) {
  dumps_.reset();
  HeapDumpInfo deadly;
  deadly.id = "00000000000000aa";
  deadly.state = "analysing";
  deadly.attempts = 2;
  ASSERT_TRUE(
      WriteWholeFile(options_.directory + "/00000000000000aa.json", HeapDumpInfoJson(deadly)));
  ASSERT_TRUE(WriteWholeFile(options_.directory + "/00000000000000aa.dump", SmallDump()));
  Start();
  EXPECT_EQ(StateAtTheEnd(deadly.id), "failed");
  EXPECT_EQ(FilesIn(".dump"), 0u);
}

TEST_F(HeapDumpsTest, TheOldestReportsGoBeyondTheLimit) {
  options_.max_kept = 2;
  Start();
  std::vector<std::string> ids;
  for (uint64_t i = 0; i < 3; ++i) {
    ids.push_back(Post(SmallDump(i)));
    ASSERT_EQ(StateAtTheEnd(ids.back()), "done");
  }
  // The oldest goes after the third is told done.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (dumps_->stats().forgotten == 0 && std::chrono::steady_clock::now() < deadline)
    std::this_thread::yield();
  EXPECT_FALSE(dumps_->Find(ids[0]));
  EXPECT_EQ(FilesIn(".html"), 2u);
  EXPECT_EQ(dumps_->stats().kept, 2u);
}

TEST(HeapDumpInfoTest, IsReadBackAsItWasWritten) {
  HeapDumpInfo info;
  info.id = "0123456789abcdef";
  info.name = "pod \"a\"";
  info.state = "done";
  info.received_ns = 1795366320'000'000'000;
  info.bytes = 77;
  info.holders = {"92 % main.cache -> map", "3 % other"};
  const auto back = HeapDumpInfoFromJson(HeapDumpInfoJson(info));
  ASSERT_TRUE(back);
  EXPECT_EQ(HeapDumpInfoJson(*back), HeapDumpInfoJson(info));
  EXPECT_FALSE(HeapDumpInfoFromJson("[1]"));
  EXPECT_FALSE(HeapDumpInfoFromJson("{\"name\":3}"));
}

}  // namespace
}  // namespace tidemark
