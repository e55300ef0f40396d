// How much memory an analysis may take when nobody said.
#pragma once

#include <cstdint>

namespace tidemark {

// Three quarters of what the machine, or the cgroup if that has less, has to spare now; at least
// 256 MiB.
uint64_t DefaultMemoryBytes();

}  // namespace tidemark
