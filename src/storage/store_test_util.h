// What the storage tests share: directories of their own, and units of known content.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "storage/store.h"

namespace tidemark {

inline constexpr int64_t kTestTimeNs =
    1'767'225'600LL * kNsPerSecond;  // 2026-01-01T00:00:00Z, a partition's start

// A directory that goes with the test.
class TestDirectory {
 public:
  TestDirectory() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "tidemark-store-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~TestDirectory() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline StoreOptions TestOptions(const std::string& directory) {
  StoreOptions options;
  options.directory = directory;
  options.commit_interval_ns = 1'000'000;
  options.memory_limit_bytes = 256 << 20;
  options.wall_clock_ns = [] { return kTestTimeNs + 24 * kNsPerHour; };
  return options;
}

inline std::unique_ptr<Store> MustOpen(const StoreOptions& options) {
  auto store = Store::Open(options);
  if (!store) {
    ADD_FAILURE() << store.error().message;
    return nullptr;
  }
  return std::move(*store);
}

inline Resource TestResource(const std::string& service, const std::string& version,
                             const std::string& instance) {
  return {{service, "shop", version, instance}, {{"host.name", "node=1,a"}, {"os", "linux"}}};
}

inline Point Gauge(const std::string& metric, int64_t time_ns, double value) {
  Point point;
  point.metric = metric;
  point.unit = "By";
  point.time_ns = time_ns;
  point.value = value;
  return point;
}

inline WriteUnit PointUnit(const Resource& resource, std::vector<Point> points) {
  WriteUnit unit;
  unit.metrics.push_back({resource, std::move(points)});
  return unit;
}

// Stacks of named functions, leaf first, with in-use bytes; one object for each 64 bytes, alloc
// twice the in-use.
struct TestStack {
  std::vector<std::string> functions;
  int64_t inuse_bytes;
  std::vector<Label> labels;
};

inline Profile TestProfile(int64_t time_ns, const std::vector<TestStack>& stacks) {
  Profile profile;
  profile.sample_types = {{"alloc_objects", "count"},
                          {"alloc_space", "bytes"},
                          {"inuse_objects", "count"},
                          {"inuse_space", "bytes"}};
  profile.time_ns = time_ns;
  profile.period = 512 << 10;
  profile.mappings.push_back({0x1000, 0x9000, 0, "/bin/shop", "abcd"});
  for (const TestStack& stack : stacks) {
    Sample sample;
    for (const std::string& name : stack.functions) {
      const auto function = static_cast<uint32_t>(profile.functions.size());
      profile.functions.push_back({name, "_Z" + name, name + ".cc", 10});
      sample.locations.push_back(static_cast<uint32_t>(profile.locations.size()));
      profile.locations.push_back({0, 0x1000, {{function, 12}}});
    }
    const int64_t bytes = stack.inuse_bytes;
    sample.values = {bytes / 32, bytes * 2, bytes / 64, bytes};
    sample.labels = stack.labels;
    profile.samples.push_back(std::move(sample));
  }
  return profile;
}

inline WriteUnit ProfileUnit(const Resource& resource, Profile profile) {
  WriteUnit unit;
  unit.profiles.push_back({resource, std::move(profile)});
  return unit;
}

}  // namespace tidemark
