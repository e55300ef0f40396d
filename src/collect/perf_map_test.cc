#include "collect/perf_map.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/time.h"
#include "collect/fake_root.h"

namespace tidemark {
namespace {

std::string NameAt(const PerfMap& map, uint64_t address) {
  const auto frames = map.Frames(address);
  return frames.empty() ? "" : frames[0].function + "|" + frames[0].file;
}

TEST(PerfMapTest, FunctionsAreFoundByAnyAddressInThem) {
  const PerfMap map = PerfMap::Parse(
      "7f00 10 JS:*keep /srv/shop.js:10:5\n7f10 b py::Archive.keep:/srv/shop.py\n"
      "7f20 b py::<module>:/srv/a:b.py\n");
  EXPECT_EQ(NameAt(map, 0x7f00), "JS:*keep /srv/shop.js:10:5|");
  EXPECT_EQ(NameAt(map, 0x7f0f), "JS:*keep /srv/shop.js:10:5|");
  EXPECT_EQ(NameAt(map, 0x7f10), "Archive.keep|/srv/shop.py");
  EXPECT_EQ(NameAt(map, 0x7f1b), "") << "behind its end";
  EXPECT_EQ(NameAt(map, 0x7f20), "<module>|/srv/a:b.py");
  EXPECT_EQ(NameAt(map, 0x7eff), "");
}

TEST(PerfMapTest, TheLaterOfTwoAtOneStartCounts) {
  EXPECT_EQ(NameAt(PerfMap::Parse("100 10 old\n100 8 new\n"), 0x104), "new|");
}

TEST(PerfMapTest, NonsenseIsLeftOut) {
  const PerfMap map = PerfMap::Parse(
      "\nx 1 a\n100\n100 10\n100 10 \n0 10 null\n100 0 empty\nffffffffffffffff 2 over\n"
      "-1 2 b\n200 10 con\ttrol\n300 10 " +
      std::string(100'000, 'n'));
  EXPECT_EQ(map.size(), 2u);
  EXPECT_EQ(NameAt(map, 0x200), "con?trol|");
  EXPECT_EQ(NameAt(map, 0x300).size(), PerfMap::kMaxName + 1);
}

TEST(PerfMapTest, OnlyRegularFilesAreRead) {
  const FakeRoot root;
  root.Write("/real", "100 10 name\n");
  EXPECT_EQ(PerfMap::Read(root.path() + "/real").size(), 1u);
  EXPECT_EQ(PerfMap::Read(root.path() + "/real", WallClockNs() + 10 * kNsPerSecond).size(), 0u)
      << "an earlier process'";
  ASSERT_EQ(symlink((root.path() + "/real").c_str(), (root.path() + "/link").c_str()), 0);
  EXPECT_EQ(PerfMap::Read(root.path() + "/link").size(), 0u);
  EXPECT_EQ(PerfMap::Read(root.path()).size(), 0u);
  EXPECT_EQ(PerfMap::Read(root.path() + "/none").size(), 0u);
}

}  // namespace
}  // namespace tidemark
