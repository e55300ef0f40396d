// A made-up fleet whose profiles both stores are given: the same seed gives the same rows.
#pragma once

#include <cstdint>
#include <vector>

#include "model/profile.h"

namespace tidemark::bench {

struct FleetShape {
  int instances = 100;
  int profiles = 60;  // of each instance, one a minute
  int samples = 500;  // stacks of each profile, of a common pool twice as large
  int depth = 20;     // frames of a stack
};

inline constexpr int64_t kFleetStartNs = 1'767'225'600'000'000'000;  // 2026-01-01T00:00:00Z

// CPU time of this process so far, all threads: what a busy machine does not distort.
double CpuSeconds();

class Fleet {
 public:
  explicit Fleet(FleetShape shape);
  const FleetShape& shape() const { return shape_; }
  // The profile of an instance at minute `index`: stack 0 grows, the others wander.
  ProfileBatch ProfileOf(int instance, int index) const;
  // The index into the pool of each sample of that profile, in its order.
  std::vector<int> StacksOf(int instance, int index) const;

 private:
  FleetShape shape_;
  Profile names_;  // locations and functions of the pool, without samples
  std::vector<std::vector<uint32_t>> pool_;
};

}  // namespace tidemark::bench
