#include "graphfile/shape_table.h"

namespace tidemark::graphfile {
namespace {

using heapgraph::ObjectEvent;

uint64_t Mix(uint64_t hash, uint64_t word) {
  hash = (hash ^ word) * 0x9e3779b97f4a7c15;  // 2^64 / golden ratio
  return hash ^ (hash >> 29);
}

uint64_t HashShape(const ObjectEvent& object) {
  uint64_t hash = Mix(object.bytes, object.type);
  hash = Mix(hash, object.contents.size() << 1 | (object.pointer_free ? 1 : 0));
  for (const auto& reference : object.references) {
    hash = Mix(hash, reference.label.bits() ^ reference.target_type << 16);
  }
  return hash;
}

uint32_t AddShape(const ObjectEvent& object, Block& block) {
  block.shapes.push_back({
      .bytes = object.bytes,
      .type = object.type,
      .contents_bytes = static_cast<uint32_t>(object.contents.size()),
      .first_label = static_cast<uint32_t>(block.labels.size()),
      .references = static_cast<uint32_t>(object.references.size()),
      .pointer_free = object.pointer_free,
  });
  for (const auto& reference : object.references) {
    block.labels.push_back(reference.label.bits());
    block.target_types.push_back(reference.target_type);
  }
  return static_cast<uint32_t>(block.shapes.size() - 1);
}

}  // namespace

bool ShapeTable::Same(const Block& block, uint32_t index, const ObjectEvent& object) {
  const Shape& shape = block.shapes[index];
  if (shape.bytes != object.bytes || shape.type != object.type ||
      shape.contents_bytes != object.contents.size() ||
      shape.references != object.references.size() || shape.pointer_free != object.pointer_free) {
    return false;
  }
  const uint32_t* labels = block.labels.data() + shape.first_label;
  const uint64_t* types = block.target_types.data() + shape.first_label;
  for (uint32_t i = 0; i < shape.references; ++i) {
    const auto& reference = object.references[i];
    if (labels[i] != reference.label.bits() || types[i] != reference.target_type) return false;
  }
  return true;
}

uint32_t ShapeTable::Find(const ObjectEvent& object, Block& block) {
  if (object.references.size() > kMaxReferences) return AddShape(object, block);
  for (size_t slot = HashShape(object) % kSlots;; slot = (slot + 1) % kSlots) {
    if (slots_[slot] == 0) {
      const uint32_t index = AddShape(object, block);
      if (used_ < kMaxUsed) {
        slots_[slot] = index + 1;
        ++used_;
      }
      return index;
    }
    if (Same(block, slots_[slot] - 1, object)) return slots_[slot] - 1;
  }
}

}  // namespace tidemark::graphfile
