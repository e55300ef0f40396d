// Finds the shape of an object among those its block has already.
#pragma once

#include <array>
#include <cstdint>

#include "graphfile/block.h"

namespace tidemark::graphfile {

// Belongs to one writer; begins anew with each block.
class ShapeTable {
 public:
  void Reset() {
    slots_.fill(0);
    used_ = 0;
  }

  // Index in block.shapes of the object's shape, which is added where it is new. Shapes of very
  // many references, or beyond the limit of the table, are added anew each time.
  uint32_t Find(const heapgraph::ObjectEvent& object, Block& block);

 private:
  static constexpr size_t kSlots = 8192, kMaxUsed = 4096, kMaxReferences = 64;
  static bool Same(const Block& block, uint32_t index, const heapgraph::ObjectEvent& object);

  std::array<uint32_t, kSlots> slots_{};  // index + 1; 0 = free
  uint32_t used_ = 0;
};

}  // namespace tidemark::graphfile
