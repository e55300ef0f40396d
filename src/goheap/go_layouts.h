// Where a Go object of a known type has its pointers and what each of them leads to. Works on type
// keys (go_types.h), in whatever address space the executable is asked with.
#pragma once

#include <unordered_map>
#include <vector>

#include "goheap/go_executable.h"
#include "goheap/go_types.h"

namespace tidemark::goheap {

// Keys of objects that have no descriptor of their own, made from one that they belong to.
enum class GoPart : uint8_t {
  kMapDirectory = 1,  // of a Swiss map: pointers to tables, or a small map's one group
  kMapTable = 2,
  kText = 3,             // bytes of strings; of descriptor 0
  kArrayOf = 4,          // what a slice points to
  kMapExtra = 5,         // overflow buckets of a map before Go 1.24
  kArrayOfPointers = 6,  // to what the descriptor says; known by its targets alone
};
constexpr TypeKey PartKey(GoPart part, TypeKey descriptor) {
  return descriptor | TypeKey{static_cast<uint8_t>(part)} << 58;
}
constexpr GoPart PartOf(TypeKey key) { return static_cast<GoPart>(key >> 58 & 7); }
constexpr TypeKey PartDescriptor(TypeKey key) { return key & ((TypeKey{1} << 58) - 1); }

// A pointer in a value: at which offset, and the key of what it points to.
struct GoSlot {
  uint64_t offset = 0;
  TypeKey target = 0;
  uint64_t target_bytes = 0;  // of one value there; 0 = any number of bytes will do
  bool many = false;          // one or more values
};

struct GoLayout {
  uint64_t value_bytes = 0;   // values lie one after the other; 0: the slots are given once
  std::vector<GoSlot> slots;  // by offset; at most kMaxSlots, further ones have no types
  std::string name;
  bool internal = false;
  bool pointer_free = false;

  static constexpr size_t kMaxSlots = 4096;
};

// Used by one thread; remembers what it has worked out.
class GoLayouts {
 public:
  // `slide` is added to link addresses wherever a key is made.
  GoLayouts(const GoExecutable& executable, uint64_t slide);

  // Null when the executable does not know the type.
  const GoLayout* LayoutOf(TypeKey key);
  // Without the indirections that the executable can resolve: PointeeOf(*E) is E.
  TypeKey Resolved(TypeKey key) const;
  // Appends the slots of a value of the type at link address `descriptor` that lies at `offset`.
  void AppendSlots(uint64_t descriptor, uint64_t offset, std::vector<GoSlot>* slots, int depth = 0);
  // Key of a link address.
  TypeKey KeyOf(uint64_t descriptor) const { return descriptor + slide_; }
  // What a pointer to the type at a link address leads to.
  GoSlot SlotOf(uint64_t descriptor, bool many) const;
  int minor() const { return minor_; }

 private:
  const GoType* TypeOf(TypeKey key) const;
  bool Fill(TypeKey key, GoLayout* layout);
  bool FillMapHeader(const GoType& map, TypeKey map_key, GoLayout* layout);
  bool FillPart(TypeKey key, GoLayout* layout);
  void AppendBucket(const GoType& bucket, uint64_t descriptor, std::vector<GoSlot>* slots);

  const GoExecutable& executable_;
  const uint64_t slide_;
  int minor_ = 0;
  std::unordered_map<TypeKey, std::unique_ptr<GoLayout>> layouts_;
  uint64_t steps_left_ = 0, all_steps_ = 0;  // of AppendSlots
};

}  // namespace tidemark::goheap
