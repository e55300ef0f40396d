#include <dlfcn.h>
#include <gtest/gtest.h>

#include <cstring>
#include <thread>

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

}  // namespace
