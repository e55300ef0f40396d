#include "collect/process_gauges.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace tidemark {
namespace {

TEST(ProcessGaugesTest, ResidentBytesOfThisProcessAreThereAndOfNoneAreNot) {
  const auto bytes = ResidentBytes(static_cast<uint64_t>(getpid()));
  ASSERT_TRUE(bytes);
  EXPECT_GT(*bytes, 1 << 20);
  EXPECT_FALSE(ResidentBytes(1ull << 40));
}

}  // namespace
}  // namespace tidemark
