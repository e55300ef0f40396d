// The decision for one service and version after each block: which channel grows, in which
// instances.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "detect/instance_series.h"
#include "detect/trend.h"
#include "detect/version_path.h"

namespace tidemark::detector {

enum class Channel : uint8_t {
  kHeap,
  kRss,    // beyond what the heap explains
  kSpans,  // active spans beyond what the request rate explains
};

struct VersionQuestion {
  const VersionPath* path = nullptr;
  std::vector<const InstanceSeries*> instances;  // of this version
  int64_t block = 0;                             // just closed
  bool by_troughs = false;                       // collections are rare: judge only what they leave
  int64_t service_born_block = 0;
  int64_t seen_elsewhere = 0;  // instance-blocks of versions before this one
};

struct Finding {
  Channel channel = Channel::kHeap;
  Trend trend;
  // The one pod that leaves its peers; nullptr: the version as a whole.
  const InstanceSeries* pod = nullptr;
};

std::optional<Finding> JudgeVersion(const VersionQuestion& question);

// Column of an instance's records that shows the channel's growth.
InstanceSeries::Column ColumnOf(Channel channel, bool by_troughs);

}  // namespace tidemark::detector
