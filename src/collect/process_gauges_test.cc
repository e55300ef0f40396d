#include "collect/process_gauges.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace tidemark {
namespace {

namespace fs = std::filesystem;

class CgroupTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string path = (fs::temp_directory_path() / "gauges-XXXXXX").string();
    ASSERT_NE(mkdtemp(path.data()), nullptr);
    root_ = path;
    fs::create_directories(root_ + "/proc/7");
    fs::create_directories(root_ + "/sys/fs/cgroup/pod/box");
    Write("/proc/7/cgroup", "1:cpu:/x\n0::/pod/box\n");
  }
  void TearDown() override { fs::remove_all(root_); }
  void Write(const std::string& path, const std::string& text) {
    std::ofstream(root_ + path) << text;
  }
  std::string root_;
};

TEST_F(CgroupTest, LimitIsTheSmallestUpToTheRoot) {
  Write("/sys/fs/cgroup/pod/box/memory.max", "max\n");
  EXPECT_FALSE(MemoryLimitBytes(7, root_));
  Write("/sys/fs/cgroup/pod/memory.max", "1000\n");
  EXPECT_EQ(MemoryLimitBytes(7, root_), 1000);
  Write("/sys/fs/cgroup/pod/box/memory.max", "2000\n");
  EXPECT_EQ(MemoryLimitBytes(7, root_), 1000);
  Write("/sys/fs/cgroup/memory.max", "500\n");
  EXPECT_EQ(MemoryLimitBytes(7, root_), 500);
}

TEST_F(CgroupTest, NonsenseIsNoLimit) {
  Write("/sys/fs/cgroup/pod/memory.max", "-5\n");
  Write("/sys/fs/cgroup/memory.max", "lots\n");
  EXPECT_FALSE(MemoryLimitBytes(7, root_));
  EXPECT_FALSE(MemoryLimitBytes(8, root_));
}

TEST(ProcessGaugesTest, ResidentBytesOfThisProcessAreThereAndOfNoneAreNot) {
  const auto bytes = ResidentBytes(static_cast<uint64_t>(getpid()));
  ASSERT_TRUE(bytes);
  EXPECT_GT(*bytes, 1 << 20);
  EXPECT_FALSE(ResidentBytes(1ull << 40));
}

}  // namespace
}  // namespace tidemark
