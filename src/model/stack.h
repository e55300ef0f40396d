// Stacks as text: what people read and what stays equal between processes, builds and days.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/profile.h"

namespace tidemark {

struct FrameText {
  std::string function;
  std::string file;
  int64_t line = 0;    // 1-based, 0 = unknown
  std::string module;  // file of the mapping
  bool operator==(const FrameText&) const = default;
};

// The frames of a sample, leaf first, inlined calls expanded. A location without lines becomes its
// address
// ("0x4a3f10") in its module.
std::vector<FrameText> FramesOf(const Profile& profile, const Sample& sample);

// Same functions, files and lines, same id, wherever the code was loaded. Never 0.
uint64_t StackIdOf(const std::vector<FrameText>& frames);

// "file.cc:12", "file.cc" or "".
std::string PlaceOf(const FrameText& frame);

}  // namespace tidemark
