// Which frame of a stack a person should look at.
#pragma once

#include <cstddef>
#include <vector>

#include "model/stack.h"

namespace tidemark {

// Index of the first frame, leaf first, that belongs to the program rather than to a language
// runtime, a standard library or a dependency; 0 when none does, or for an empty stack. Recognised:
// C and C++ allocation functions and std::, Go's standard library and module cache, Rust's core,
// alloc and std, system include and library folders, node_modules, site-packages.
size_t CauseIndex(const std::vector<FrameText>& frames);

}  // namespace tidemark
