#pragma once

#include <cstdint>
#include <string>

#include "goheap/go_dump_writer.h"

namespace tidemark {

// A heap of two objects, one held by a global's segment; `word` makes dumps differ.
inline std::string SmallDump(uint64_t word = 1) {
  using goheap::GoDumpWriter;
  using goheap::GoTag;
  GoDumpWriter dump;
  dump.Object(GoDumpWriter::kArena, {GoDumpWriter::kArena + 64, word}, {0});
  dump.Object(GoDumpWriter::kArena + 64, {7, 7, 7, 7}, {});
  dump.Segment(GoTag::kData, 0x500000, {GoDumpWriter::kArena}, {0});
  dump.Segment(GoTag::kBss, 0x600000, {0}, {});
  dump.MemStats(48, 2).End();
  return dump.bytes();
}

}  // namespace tidemark
