// A heap as a graph: objects in order of their addresses, holders (named roots) before them, and
// the references between them, in flat arrays.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "heapgraph/address_index.h"
#include "heapgraph/heap_events.h"
#include "heapgraph/scratch.h"

namespace tidemark::heapgraph {

// Index of a type in a graph. 0 is the unknown type.
using TypeId = uint32_t;

struct Type {
  TypeKey key = 0;
  std::string name;  // never empty: "(unknown)", "type 0x4a3f20" when nothing better is known
  uint64_t bytes = 0;
  bool internal = false;
};

struct Root {
  ObjectId object = kNoObject;
  RootKind kind = RootKind::kOther;
};

struct Holder {
  RootKind kind = RootKind::kOther;
  std::string name;
  uint64_t address = 0;
};

// What did not fit into the graph. Counts.
struct GraphLosses {
  uint64_t dangling_references = 0;  // pointed at no object: rodata, stacks, freed memory
  uint64_t overlapping_objects = 0;  // an address told twice, or inside another object; left out
  uint64_t unknown_sources = 0;      // OnReference from, OnRoot of an address where no object is
  uint64_t names_refused = 0;        // over the limit on interned names
  uint64_t types_refused = 0;        // over the limit on types
  uint64_t holders_refused = 0;      // over the limit on holders
};

using Progress = std::function<void(std::string_view phase, uint64_t done, uint64_t all)>;
// In a loop over `all` elements: says now and then how far it is.
inline void ProgressAt(const Progress& progress, std::string_view phase, uint64_t done,
                       uint64_t all) {
  if (done % (1 << 16) == 0 && progress) progress(phase, done, all);
}

// Immutable once built, but for types (SetType), which later passes may learn. The scratch it was
// built with outlives it.
class HeapGraph {
 public:
  // Objects, and behind them holders.
  uint32_t size() const { return static_cast<uint32_t>(address_.size()); }
  uint32_t holder_count() const { return static_cast<uint32_t>(holders_.size()); }
  uint32_t object_count() const { return size() - holder_count(); }
  bool is_holder(ObjectId id) const { return id >= object_count(); }
  const Holder& holder(ObjectId id) const { return holders_[id - object_count()]; }

  uint64_t bytes() const { return bytes_; }  // of all objects
  uint64_t address(ObjectId id) const { return address_[id]; }
  uint64_t bytes(ObjectId id) const {  // shallow; 0 of a holder
    const uint32_t bytes = shape_[id].bytes;
    return bytes != kLargeBytes ? bytes : large_bytes_.at(id);
  }
  TypeId type(ObjectId id) const { return shape_[id].type; }
  void SetType(ObjectId id, TypeId type) { shape_[id].type = type; }

  // Of object `id`, in the order the source told them; nil, self and dangling ones are not there.
  std::span<const ObjectId> targets(ObjectId id) const {
    return {target_.data() + (row_[id] >> kCountBits), edge_count(id)};
  }
  std::span<const uint32_t> labels(ObjectId id) const {  // Label::FromBits
    return {label_.data() + (row_[id] >> kCountBits), edge_count(id)};
  }
  uint64_t edge_count() const { return edges_; }
  // Ask, ahead of time, for what targets(id) reads, for what its first targets are, and for what
  // bytes(id) and type(id) read.
  void PrefetchRow(ObjectId id) const { __builtin_prefetch(&row_[id]); }
  void PrefetchTargets(ObjectId id) const {
    __builtin_prefetch(target_.data() + (row_[id] >> kCountBits));
  }
  void PrefetchShape(ObjectId id) const { __builtin_prefetch(&shape_[id]); }

  // Every holder, then every object told by OnRoot, each once.
  std::span<const Root> roots() const { return roots_; }
  // The object that covers `address`, or kNoObject. An object of 0 bytes covers its own address.
  ObjectId Find(uint64_t address) const;

  const std::vector<Type>& types() const { return types_; }
  TypeId AddType(Type type);           // by key; a type already there gets the name and size
  TypeId FindType(TypeKey key) const;  // 0 = unknown
  std::string_view name(uint32_t interned) const { return names_[interned]; }
  // ".field", "[3]", "+24", "<class>": as paths show it.
  std::string LabelText(Label label) const;
  // A fact of the source, "" = not told.
  std::string_view fact(std::string_view key) const;
  const std::map<std::string, std::string, std::less<>>& facts() const { return facts_; }

  const GraphLosses& losses() const { return losses_; }
  const std::string& damage() const { return damage_; }  // ReadOutcome's, of the first reading
  const std::string& format() const { return format_; }

  // Where the references of an object begin, and how many they are, in one word: at 2^24 - 1 of
  // them the number is kept elsewhere.
  static constexpr int kCountBits = 24;
  static constexpr uint64_t kLargeCount = (uint64_t{1} << kCountBits) - 1;
  static uint64_t PackedRow(uint64_t begin, uint64_t count) {
    return begin << kCountBits | std::min(count, kLargeCount);
  }

 private:
  friend class GraphBuilder;
  friend class Numbering;
  friend class ToldHeap;
  friend Result<std::unique_ptr<HeapGraph>> BuildGraph(HeapSource&, Scratch&, const Progress&);

  struct Shape {
    uint32_t bytes;  // kLargeBytes = in large_bytes_
    TypeId type;
  };
  static constexpr uint32_t kLargeBytes = ~0u;

  // The object that covers `address`, given what the index finds for it.
  ObjectId Covering(uint64_t address, AddressIndex::Found found) const {
    const ObjectId id = found.at_or_before;
    if (id == kNoObject) return kNoObject;
    return found.begins || address - address_[id] < bytes(id) ? id : kNoObject;
  }

  uint64_t edge_count(ObjectId id) const {
    const uint64_t count = row_[id] & kLargeCount;
    return count != kLargeCount ? count : large_rows_.at(id);
  }
  void SetRow(ObjectId id, uint64_t begin, uint64_t count) {
    if (count >= kLargeCount) large_rows_[id] = count;
    row_[id] = PackedRow(begin, count);
  }

  Array<uint64_t> address_;  // [size]
  Array<Shape> shape_;       // [size]
  Array<uint64_t> row_;      // [size]; rows lie in the order in which the source told them
  Array<ObjectId> target_;
  Array<uint32_t> label_;
  uint64_t edges_ = 0, bytes_ = 0;
  std::map<ObjectId, uint64_t> large_bytes_, large_rows_;
  std::vector<Holder> holders_;
  std::vector<Root> roots_;
  std::vector<Type> types_;
  std::unordered_map<TypeKey, TypeId> type_ids_;
  std::vector<std::string> names_;
  std::map<std::string, std::string, std::less<>> facts_;
  GraphLosses losses_;
  std::string damage_, format_;
  AddressIndex index_;
};

// Reads `source` and builds its graph.
// Errors: the source's, the scratch's, more than 2^32 - 16 Mi objects. Names over 16 Mi or 1 GiB,
// types over 4 Mi, holders over 4 Mi are left out and counted.
Result<std::unique_ptr<HeapGraph>> BuildGraph(HeapSource& source, Scratch& scratch,
                                              const Progress& progress = {});

}  // namespace tidemark::heapgraph
