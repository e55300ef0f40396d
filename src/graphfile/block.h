// A block of events in memory, row by row as they were told, and its bytes, column by column as
// they compress best.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "heapgraph/heap_events.h"

namespace tidemark::graphfile {

// What objects of one kind have in common: all but addresses, targets and contents.
struct Shape {
  uint64_t bytes = 0;
  heapgraph::TypeKey type = 0;
  uint32_t contents_bytes = 0;
  uint32_t first_label = 0;  // in Block::labels and target_types
  uint32_t references = 0;
  bool pointer_free = false;
  // Set by whoever encodes or decodes the block.
  uint32_t uses = 0;
  uint64_t first_word = 0;

  // Contents of objects with references are compressed word by word.
  bool contents_in_words() const { return references > 0 && contents_bytes % 8 == 0; }
};

struct Block {
  std::vector<uint32_t> ops;  // Op, kFirstShape + index of a shape for objects
  std::vector<Shape> shapes;
  std::vector<uint32_t> labels;        // of the shapes, one after the other
  std::vector<uint64_t> target_types;  // likewise
  std::vector<uint64_t> addresses;     // of objects
  std::vector<uint64_t> targets;       // of objects' references
  std::string contents;                // of objects
  std::string records;                 // of everything but objects, see records.h

  // Roughly what the block takes in memory.
  size_t bytes() const {
    return 4 * ops.size() + 12 * labels.size() + sizeof(Shape) * shapes.size() +
           8 * (addresses.size() + targets.size()) + contents.size() + records.size();
  }
  void Clear();
};

// Into `out`, which is emptied first. Changes the block's shapes (uses).
void EncodeBlock(Block& block, std::string& out);

// Targets and contents stay empty where not wanted. Every number is checked against the others: an
// object's shape, targets and contents are there. Errors: corrupt, with the column.
Result<void> DecodeBlock(std::string_view bytes, heapgraph::HeapSource::Wants wants, Block& block);

}  // namespace tidemark::graphfile
