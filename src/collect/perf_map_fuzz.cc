// Any bytes are names of functions, or none: each of bounded length, without control characters,
// and found only where a line of the text says that one begins.
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "collect/perf_map.h"

namespace {

using tidemark::PerfMap;

bool IsBounded(std::string_view text) {
  return text.size() <= PerfMap::kMaxName &&
         std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < ' '; });
}

size_t CheckFrames(const PerfMap& map, uint64_t address) {
  const auto frames = map.Frames(address);
  if (frames.size() > 1) std::abort();
  for (const tidemark::SymbolFrame& frame : frames) {
    if (frame.function.empty() || !IsBounded(frame.function) || !IsBounded(frame.file))
      std::abort();
  }
  return frames.size();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const PerfMap map = PerfMap::Parse(text);
  size_t found = 0;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    uint64_t start = 0;
    if (std::from_chars(line.data(), line.data() + line.size(), start, 16).ec != std::errc())
      continue;
    found += CheckFrames(map, start);
    CheckFrames(map, start - 1);
  }
  if (found < map.size()) std::abort();
  return 0;
}
