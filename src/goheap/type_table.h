// Type descriptors as they lie in a process's memory: sizes, pointer masks, names.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "goheap/go_types.h"
#include "goheap/memory_image.h"
#include "goheap/runtime_walk.h"

namespace tidemark::goheap {

// Where the pointers of a type are: bit i of mask is word i of a value. Values lie one after the
// other in an object.
struct PointerLayout {
  uint64_t value_bytes = 0;
  uint64_t pointer_words = 0;  // a prefix of the value; the words behind it are no pointers
  std::vector<uint64_t> mask;
};

// Remembers what it has read: at most kMaxTypes descriptors, and kMaxWords words that might have
// been the first of an interface. Types are told to the sink when they are first asked for after
// Begin. Used by one thread.
class TypeTable {
 public:
  static constexpr size_t kMaxTypes = 1 << 20, kMaxWords = 1 << 20;
  static constexpr uint64_t kMaxMaskBytes = 16 << 20;  // of a type of 8 GiB

  TypeTable(const MemoryImage& image, std::vector<GoModule> modules, int minor);

  // Tells types anew, to `sink`.
  void Begin(heapgraph::HeapSink& sink);
  // Null: there is no descriptor, or its mask is not there. 0 has none.
  const PointerLayout* LayoutOf(uint64_t descriptor);
  // The key of `descriptor`, which is told; 0 when it is none or has no name (the runtime's own,
  // for objects with a GC program).
  TypeKey KeyOf(uint64_t descriptor);
  // What the word before a pointer says of its target, as of go_types.h: nothing (0) unless it is
  // an itab or a descriptor.
  TypeKey KeyBehind(uint64_t word) {
    if (word - lowest_ >= highest_ - lowest_ && !MayBeItab(word)) return 0;
    return (word & 7) != 0 ? 0 : FindBehind(word);
  }
  uint64_t refused() const { return refused_; }

 private:
  struct Entry {
    bool valid = false, direct = false, has_layout = false;
    uint8_t kind = 0;
    uint32_t told = 0;  // the Begin after which it was told
    uint64_t bytes = 0, element = 0;
    std::string name;
    std::unique_ptr<PointerLayout> layout;
  };
  struct Descriptor;

  bool MayBeItab(uint64_t word) const;
  TypeKey FindBehind(uint64_t word);
  const GoModule* ModuleOf(uint64_t descriptor) const;
  bool ReadDescriptor(uint64_t address, Descriptor& descriptor) const;
  Entry* Find(uint64_t descriptor);
  std::unique_ptr<PointerLayout> ReadLayout(const Descriptor& descriptor) const;
  std::string ReadName(int64_t offset, const GoModule& module) const;
  std::string NameOf(uint64_t address, const Descriptor& descriptor) const;
  uint64_t DescriptorBehind(uint64_t word);

  const MemoryImage& image_;
  const std::vector<GoModule> modules_;
  const int minor_;
  heapgraph::HeapSink* sink_ = nullptr;
  uint32_t round_ = 0;
  uint64_t lowest_ = 0, highest_ = 0;  // where executables lie
  uint64_t refused_ = 0;
  std::unordered_map<uint64_t, Entry> types_;
  std::unordered_map<uint64_t, uint64_t> words_;  // to the descriptor of the dynamic type; 0: none
};

}  // namespace tidemark::goheap
