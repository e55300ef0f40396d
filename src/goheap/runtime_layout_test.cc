#include "goheap/runtime_layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tidemark::goheap {
namespace {

std::optional<FieldPlace> NoDwarf(std::string_view, std::string_view) { return std::nullopt; }

TEST(RuntimeLayoutTest, EveryVersionFrom119To127IsKnownWithoutDwarf) {
  for (int minor = 19; minor <= 27; ++minor) {
    const auto layout = LayoutOfRuntime(minor, NoDwarf);
    ASSERT_TRUE(layout) << layout.error().message;
    EXPECT_EQ(layout->span_index_width, minor >= 22 ? 2u : 8u);
    EXPECT_EQ(layout->span_large_type == RuntimeLayout::kNone, minor < 22);
  }
}

TEST(RuntimeLayoutTest, OthersNeedDwarf) {
  EXPECT_THAT(LayoutOfRuntime(28, NoDwarf).error().message, testing::HasSubstr("Go 1.28"));
  EXPECT_FALSE(LayoutOfRuntime(18, NoDwarf));
  const auto dwarf = [](std::string_view type,
                        std::string_view field) -> std::optional<FieldPlace> {
    if (type == "runtime.mspan" && field == "allocBits") return FieldPlace{72, 8};
    if (type == "runtime.mspan" && field == "nelems") return FieldPlace{60, 4};
    return std::nullopt;
  };
  const auto layout = LayoutOfRuntime(28, dwarf);
  ASSERT_TRUE(layout) << layout.error().message;
  EXPECT_EQ(layout->span_alloc_bits, 72u);
  EXPECT_EQ(layout->span_elements, 60u);
  EXPECT_EQ(layout->span_index_width, 4u);
}

}  // namespace
}  // namespace tidemark::goheap
