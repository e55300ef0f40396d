// How encoder and decoder of a block lay out what many objects of one shape hold.
#pragma once

#include <cstdint>
#include <vector>

#include "graphfile/block.h"
#include "graphfile/format.h"

namespace tidemark::graphfile {

// Where an object's targets and contents begin in a block.
struct ObjectRow {
  uint32_t target = 0, contents = 0;
};

inline bool InColumns(const Shape& shape) {
  return shape.uses >= kColumnUses && shape.references > 0;
}

// Rows of the objects of all shapes that are kept in columns: those of shape s at
// [first_row[s], first_row[s] + uses). `each` is called for the objects of other shapes, in order:
// each(op index, shape, row).
template <typename Each>
void SortRows(const Block& block, std::vector<uint32_t>& first_row, std::vector<ObjectRow>& rows,
              const Each& each) {
  first_row.resize(block.shapes.size());
  uint32_t total = 0;
  for (size_t s = 0; s < block.shapes.size(); ++s) {
    first_row[s] = total;
    if (InColumns(block.shapes[s])) total += block.shapes[s].uses;
  }
  rows.resize(total);
  ObjectRow row;
  size_t object = 0;
  for (const uint32_t op : block.ops) {
    if (op < kFirstShape) continue;
    const Shape& shape = block.shapes[op - kFirstShape];
    if (InColumns(shape)) {
      rows[first_row[op - kFirstShape]++] = row;
    } else {
      each(object, shape, row);
    }
    ++object;
    row.target += shape.references;
    row.contents += shape.contents_bytes;
  }
  for (size_t s = 0; s < block.shapes.size(); ++s) {
    if (InColumns(block.shapes[s])) first_row[s] -= block.shapes[s].uses;
  }
}

}  // namespace tidemark::graphfile
