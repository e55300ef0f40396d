// Samples of another allocator's own sampler. From Start alone.
#pragma once

#include <stdint.h>

namespace tidemark::recorder {

// Mean bytes between two of its samples; 0: there is none that would tell, or it is not on.
uint64_t FindForeignSampler();
// Has it tell from now on. False: it would not.
bool HookForeignSampler();

}  // namespace tidemark::recorder
