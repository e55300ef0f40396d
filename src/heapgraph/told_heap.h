// What a source tells of a heap, as it comes: addresses, not ids yet.
#pragma once

#include <unordered_map>

#include "heapgraph/address_order.h"
#include "heapgraph/graph.h"
#include "heapgraph/name_table.h"

namespace tidemark::heapgraph {

// Types, names, holders and facts go straight into the graph.
class ToldHeap : public HeapSink {
 public:
  using Shape = HeapGraph::Shape;

  ToldHeap(HeapGraph& graph, Scratch& scratch, const Progress& progress);

  uint32_t Intern(std::string_view name) override { return names.Intern(name); }
  void OnType(const TypeEvent& type) override;
  void OnObject(const ObjectEvent& object) override;
  void OnHolder(const HolderEvent& holder) override;
  void OnRoot(RootKind kind, uint64_t address) override;
  void OnReference(uint64_t source, const Reference& reference) override;
  void OnFact(const FactEvent& fact) override;
  void OnProgress(uint64_t done_bytes) override;

  bool addresses_are_ids() const { return addresses_are_ids_; }
  // The scratch's errors, of any event; more objects than a graph has ids for.
  const Result<void>& status() const { return status_; }

  struct Root {
    uint64_t address;
    RootKind kind;
  };
  // A reference told apart from its owner.
  struct Extra {
    uint64_t source, target;
    uint32_t label;
  };
  // What a reference says of its target's type.
  struct TypeHint {
    uint64_t target;
    TypeKey type;
  };
  NameTable names;
  // Of objects, by the position at which each came.
  GrowingArray<uint64_t> addresses;
  GrowingArray<Shape> shapes;
  AscendingRuns runs;
  uint64_t bytes = 0;                                  // of all
  std::unordered_map<uint64_t, uint64_t> large_bytes;  // by address; objects of 4 GiB and more
  // How many references each object has, and where that is kLargeCount, how many by its position.
  static constexpr uint16_t kLargeCount = 0xffff;
  GrowingArray<uint16_t> counts;
  std::unordered_map<uint64_t, uint64_t> large_counts;
  uint64_t count(uint64_t position) {
    const uint16_t count = counts[position];
    return count != kLargeCount ? count : large_counts.at(position);
  }
  // References one behind the other, in the order in which their owners came.
  struct Rows {
    explicit Rows(Scratch& scratch) : targets(scratch), labels(scratch) {}
    Result<void> Reserve(uint64_t count);
    GrowingArray<uint64_t> targets;
    GrowingArray<uint32_t> labels;
  };
  Rows rows;         // of objects
  Rows holder_rows;  // of the graph's holders
  std::vector<uint64_t> holder_counts;
  GrowingArray<TypeHint> hints;
  GrowingArray<Extra> extras;
  GrowingArray<Root> roots;

 private:
  TypeId TypeOf(TypeKey key);
  Result<void> ReserveObject();
  uint64_t AddRow(std::span<const Reference> references, Rows* rows);
  void AddHint(const Reference& reference);

  HeapGraph& graph_;
  Scratch& scratch_;
  const Progress& progress_;
  struct {
    TypeKey key = 0;
    TypeId id = 0;
  } recent_[1024];
  bool addresses_are_ids_ = false;
  Result<void> status_;
};

}  // namespace tidemark::heapgraph
