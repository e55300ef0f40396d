#include "heapreport/words.h"

#include <gtest/gtest.h>

namespace tidemark {
namespace {

TEST(WordsTest, CountsHaveThousandsSeparators) {
  EXPECT_EQ(FormatCount(0), "0");
  EXPECT_EQ(FormatCount(999), "999");
  EXPECT_EQ(FormatCount(1000), "1,000");
  EXPECT_EQ(FormatCount(1166464), "1,166,464");
}

TEST(WordsTest, AShareIsOnlyAllWhenItIsAll) {
  EXPECT_EQ(FormatShare(92, 100), "92 %");
  EXPECT_EQ(FormatShare(43, 1000), "4.3 %");
  EXPECT_EQ(FormatShare(99'999, 100'000), "99.9 %");
  EXPECT_EQ(FormatShare(5, 5), "100 %");
  EXPECT_EQ(FormatShare(1, 1'000'000), "under 0.1 %");
  EXPECT_EQ(FormatShare(0, 10), "0.0 %");
  EXPECT_EQ(FormatShare(0, 0), "-");
}

TEST(WordsTest, NamesFromADumpCannotMoveTheCursorOrBreakUtf8) {
  EXPECT_EQ(Presentable("a\x1b[31m\nb\xff\xc3\xa9"), "a?[31m?b?\xc3\xa9");
  EXPECT_EQ(Presentable("\xc2\x9b"
                        "31m"),
            "?31m");                              // a one-character CSI
  EXPECT_EQ(Presentable("\xed\xa0\x80"), "???");  // a surrogate
  EXPECT_EQ(Presentable("\xe2\x82"), "??");       // cut
  const std::string cut = Presentable(std::string(100, 'a') + std::string(100, 'z'), 20);
  EXPECT_EQ(cut.size(), 20u);
  EXPECT_EQ(cut, "aaaaaaaaaaaaa...zzzz");
}

TEST(WordsTest, ALongChainKeepsItsRootAndItsEnd) {
  EXPECT_EQ(JoinChain({"a", "b", "c"}), "a -> b -> c");
  EXPECT_EQ(JoinChain({"root", "second", "third", "fourth", "pile"}, 30),
            "root -> ... -> fourth -> pile");
}

TEST(WordsTest, WrappedLinesStayWithinTheWidth) {
  EXPECT_EQ(WrapText("one two three four", 9, 2), "one two\n  three\n  four");
  EXPECT_EQ(WrapText("  12 one", 6, 2), "  12\n  one");
  EXPECT_EQ(WrapText("averylongword b", 5), "averylongword\nb");
}

TEST(WordsTest, AddressesAreHexAndIdsAreNot) {
  EXPECT_EQ(FormatAddress(0x4a3f20, false), "0x4a3f20");
  EXPECT_EQ(FormatAddress(6047, true), "@6047");
  EXPECT_EQ(FormatAddress(0, true), "0x0");
}

}  // namespace
}  // namespace tidemark
