#include "goheap/go_versions.h"

#include <gtest/gtest.h>

namespace tidemark::goheap {
namespace {

struct VersionCase {
  std::string_view text;
  bool known;
  int minor;
  bool malloc_headers, green_tea;
};

class GoVersionTest : public testing::TestWithParam<VersionCase> {};

TEST_P(GoVersionTest, TellsWhatTheReleaseDoes) {
  const auto& [text, known, minor, malloc_headers, green_tea] = GetParam();
  const GoVersion version = ParseGoVersion(text);
  EXPECT_EQ(version.known, known) << text;
  EXPECT_EQ(version.minor, minor) << text;
  EXPECT_EQ(version.malloc_headers, malloc_headers) << text;
  EXPECT_EQ(version.green_tea, green_tea) << text;
}

INSTANTIATE_TEST_SUITE_P(
    Texts, GoVersionTest,
    testing::Values(VersionCase{"go1.19.8", true, 19, false, false},
                    VersionCase{"go1.21.13", true, 21, false, false},
                    VersionCase{"go1.22.12", true, 22, true, false},
                    VersionCase{"go1.25.12", true, 25, true, false},
                    VersionCase{"go1.25.12 X:synctest,greenteagc", true, 25, true, true},
                    VersionCase{"go1.26.8", true, 26, true, true},
                    VersionCase{"go1.26rc1 X:nogreenteagc", true, 26, true, false},
                    VersionCase{"devel go1.28-0a1b2c3 Mon", true, 28, true, true},
                    VersionCase{"go2.0", true, 0, true, true},
                    VersionCase{"weekly", false, 0, true, true},
                    VersionCase{"", false, 0, true, true}));

}  // namespace
}  // namespace tidemark::goheap
