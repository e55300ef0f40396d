// Which frames are the way into the allocator rather than code that wanted memory.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "symbolize/symbolizer.h"

namespace tidemark {

// True for malloc and its family, operator new, and everything of the C++ standard library. Only
// meant for frames at the leaf: std:: code further up may have called the program's code.
bool IsAllocatorPlumbing(std::string_view function);

// How many frames at the leaf are plumbing (all of them, perhaps).
size_t LeadingPlumbing(const std::vector<SymbolFrame>& frames);

// The part of it that pprof may drop by name (Profile::drop_frames). Narrower: pprof cuts from the
// outermost match down to the leaf, so a pattern must never match a frame above the program's own.
const std::string& DropFramesPattern();

}  // namespace tidemark
