#include <dlfcn.h>
#include <gtest/gtest.h>

#include <coroutine>
#include <cstdio>
#include <cstring>
#include <exception>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tidemark/tidemark.hpp"

extern "C" thread_local void* otel_thread_ctx_v1;

namespace {

constexpr std::array<std::uint8_t, 16> kTrace = {1, 2,  3,  4,  5,  6,  7,  8,
                                                 9, 10, 11, 12, 13, 14, 15, 16};
constexpr std::array<std::uint8_t, 16> kOtherTrace = {9};
constexpr std::array<std::uint8_t, 8> kSpan = {21, 22, 23, 24, 25, 26, 27, 28};

TEST(SpanTest, AttachPublishesTheRecordAsTheOtepLaysItOut) {
  tidemark_span_attach(kTrace.data(), kSpan.data());
  ASSERT_NE(otel_thread_ctx_v1, nullptr);
  const auto* bytes = static_cast<const std::uint8_t*>(otel_thread_ctx_v1);
  EXPECT_EQ(std::memcmp(bytes, kTrace.data(), 16), 0);
  EXPECT_EQ(std::memcmp(bytes + 16, kSpan.data(), 8), 0);
  EXPECT_EQ(bytes[24], 1) << "valid";
  EXPECT_EQ(bytes[26] + 256 * bytes[27], 0) << "attrs_data_size";
  tidemark_span_detach();
  EXPECT_EQ(otel_thread_ctx_v1, nullptr);
}

TEST(SpanTest, ThePointerIsADynamicSymbolOfTheProgram) {
  EXPECT_EQ(dlsym(RTLD_DEFAULT, "otel_thread_ctx_v1"), &otel_thread_ctx_v1);
}

TEST(SpanTest, AnInnerScopeGivesBackTheOuterSpan) {
  tidemark_span current;
  {
    tidemark::SpanScope outer(kTrace, kSpan);
    {
      tidemark::SpanScope inner(kOtherTrace, kSpan);
      ASSERT_EQ(tidemark_span_current(&current), 1);
      EXPECT_EQ(current.trace_id[0], 9);
    }
    ASSERT_EQ(tidemark_span_current(&current), 1);
    EXPECT_EQ(current.trace_id[1], 2);
  }
  EXPECT_EQ(tidemark_span_current(&current), 0);
  EXPECT_EQ(current.trace_id[0], 0);
}

TEST(SpanTest, ThreadsHaveSpansOfTheirOwn) {
  tidemark::SpanScope scope(kTrace, kSpan);
  int other = 1;
  std::thread([&] {
    tidemark_span span;
    other = tidemark_span_current(&span);
  }).join();
  EXPECT_EQ(other, 0);
}

TEST(SpanTest, AScopeOfNoSpanHidesTheOuterOne) {
  tidemark::SpanScope outer(kTrace, kSpan);
  tidemark_span current;
  {
    tidemark::SpanScope none(tidemark_span{});
    EXPECT_EQ(tidemark_span_current(&current), 0);
  }
  EXPECT_EQ(tidemark_span_current(&current), 1);
}

TEST(SpanTest, SpansThatBeginInsideOneAreOfItsTrace) {
  tidemark_span outer, inner, before, parent, current;
  tidemark_span_begin(&outer, &before);
  EXPECT_EQ(before.trace_id[0] | before.span_id[0], 0) << "no span before";
  tidemark_span_begin(&inner, &parent);
  EXPECT_EQ(std::memcmp(&parent, &outer, sizeof outer), 0);
  EXPECT_EQ(std::memcmp(inner.trace_id, outer.trace_id, 16), 0);
  EXPECT_NE(std::memcmp(inner.span_id, outer.span_id, 8), 0);
  tidemark_span_end(&parent);
  ASSERT_EQ(tidemark_span_current(&current), 1);
  EXPECT_EQ(std::memcmp(&current, &outer, sizeof outer), 0);
  tidemark_span_end(&before);
  EXPECT_EQ(tidemark_span_current(&current), 0);
}

TEST(SpanTest, IdsOfManyThreadsDifferAndSpansAreCounted) {
  constexpr int kThreads = 4, kSpans = 5000;
  std::vector<std::set<std::string>> ids(kThreads);
  std::vector<std::thread> threads;
  for (auto& mine : ids) {
    threads.emplace_back([&mine] {
      for (int i = 0; i < kSpans; ++i) {
        tidemark_span span;
        tidemark_span_begin(&span, nullptr);
        mine.emplace(reinterpret_cast<const char*>(&span), sizeof span);
        tidemark_span_end(nullptr);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<std::string> all;
  for (const auto& mine : ids) all.insert(mine.begin(), mine.end());
  EXPECT_EQ(all.size(), kThreads * kSpans);
  EXPECT_EQ(tidemark_spans_active(), 0);
  tidemark_spans_started();
  EXPECT_EQ(tidemark_spans_active(), 1);
  tidemark_spans_ended();
}

// A coroutine that starts at once and belongs to nobody.
struct Detached {
  struct promise_type {
    Detached get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};

// Resumes on a thread of its own, or at once.
struct Elsewhere {
  bool ready;
  std::thread* thread;
  bool await_ready() const { return ready; }
  void await_suspend(std::coroutine_handle<> handle) const {
    std::thread* const out = thread;  // this awaiter is gone once the coroutine runs
    *out = std::thread([handle] { handle.resume(); });
  }
  int await_resume() const { return 7; }
};

int ActiveSpan() {
  tidemark_span span;
  return tidemark_span_current(&span) != 0 ? span.span_id[0] : 0;
}

TEST(SpanTest, ACoroutineTakesItsSpanToTheThreadThatResumesIt) {
  for (bool ready : {false, true}) {
    std::thread thread;
    int after = -1, result = 0;
    const auto work = [&]() -> Detached {
      tidemark_span_attach(kTrace.data(), kSpan.data());
      result = co_await tidemark::WithSpan{Elsewhere{ready, &thread}};
      after = ActiveSpan();
    };
    work();
    EXPECT_EQ(ActiveSpan(), ready ? 21 : 0);
    if (thread.joinable()) thread.join();
    EXPECT_EQ(after, 21);
    EXPECT_EQ(result, 7);
    tidemark_span_detach();
  }
}

std::string OutputOf(const std::string& command) {
  FILE* pipe = popen(command.c_str(), "r");
  char text[256] = {};
  const size_t size = fread(text, 1, sizeof text - 1, pipe);
  EXPECT_EQ(pclose(pipe), 0) << command;
  return {text, size};
}

TEST(SpanTest, AProgramThatLinksNothingRunsAndFindsThePreloadedFunctions) {
  EXPECT_EQ(OutputOf(WEAK_PROGRAM), "absent\n");
  EXPECT_EQ(OutputOf("env LD_PRELOAD=" SDK_LIBRARY " " WEAK_PROGRAM), "1 2 published\n");
}

}  // namespace
