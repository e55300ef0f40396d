#include "fleet.h"

#include <sys/resource.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <string>

namespace tidemark::bench {
namespace {

std::mt19937_64 RandomFor(int instance, int index) {
  return std::mt19937_64(static_cast<uint64_t>(instance) * 1'000'003 +
                         static_cast<uint64_t>(index));
}

}  // namespace

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

Fleet::Fleet(FleetShape shape) : shape_(shape) {
  names_.sample_types = {{"inuse_space", "bytes"},
                         {"inuse_objects", "count"},
                         {"alloc_space", "bytes"},
                         {"alloc_objects", "count"}};
  names_.mappings.push_back({0x400000, 0x4000000, 0, "/bin/service", "c0ffee"});
  std::mt19937_64 random(1);
  const uint32_t functions = 2'000;
  for (uint32_t i = 0; i < functions; ++i) {
    const std::string name =
        "service::module" + std::to_string(i % 40) + "::function" + std::to_string(i);
    names_.functions.push_back({name, name, "src/module" + std::to_string(i % 40) + ".cc", 1});
    names_.locations.push_back({0, 0x400000 + i * 64, {{i, i % 900 + 1}}});
  }
  for (int i = 0; i < 2 * shape_.samples; ++i) {
    std::vector<uint32_t> stack;
    for (int depth = 0; depth < shape_.depth; ++depth) {
      stack.push_back(static_cast<uint32_t>(random() % functions));
    }
    pool_.push_back(std::move(stack));
  }
}

std::vector<int> Fleet::StacksOf(int instance, int index) const {
  std::vector<int> stacks(pool_.size());
  std::iota(stacks.begin(), stacks.end(), 0);
  auto random = RandomFor(instance, index);
  std::shuffle(stacks.begin() + 1, stacks.end(), random);
  stacks.resize(static_cast<size_t>(shape_.samples));
  return stacks;
}

ProfileBatch Fleet::ProfileOf(int instance, int index) const {
  ProfileBatch batch;
  batch.resource.target = {"service-" + std::to_string(instance % 10), "bench",
                           instance % 3 == 0 ? "1.0.1" : "1.0.0",
                           "pod-" + std::to_string(instance)};
  batch.profile = names_;
  batch.profile.time_ns = kFleetStartNs + index * 60'000'000'000 + instance * 1'000'000;
  auto random = RandomFor(instance, index + 1'000'000);
  for (const int stack : StacksOf(instance, index)) {
    Sample sample;
    sample.locations = pool_[static_cast<size_t>(stack)];
    const auto objects =
        static_cast<int64_t>(stack == 0 ? 1'000 * index + 1 : 1 + random() % 5'000);
    const int64_t bytes = objects * (16 << (stack % 6));
    sample.values = {bytes, objects, bytes * 3, objects * 3};
    batch.profile.samples.push_back(std::move(sample));
  }
  return batch;
}

}  // namespace tidemark::bench
