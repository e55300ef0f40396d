// The first reading: which objects, holders and types there are, and an id for each.
#pragma once

#include "heapgraph/graph.h"
#include "heapgraph/name_table.h"
#include "heapgraph/sort_by_address.h"

namespace tidemark::heapgraph {

class ObjectPass : public HeapSink {
 public:
  ObjectPass(HeapGraph& graph, NameTable& names, Scratch& scratch, const Progress& progress);

  uint32_t Intern(std::string_view name) override { return names_.Intern(name); }
  void OnType(const TypeEvent& type) override;
  void OnObject(const ObjectEvent& object) override;
  void OnRoot(RootKind, uint64_t) override {}               // of the second reading
  void OnReference(uint64_t, const Reference&) override {}  // too
  void OnHolder(const HolderEvent& holder) override;
  void OnFact(const FactEvent& fact) override;
  void OnProgress(uint64_t done_bytes) override;

  // Sorts the objects and fills the graph's arrays of them. Errors: the scratch's, of any event.
  Result<void> Finish(const ReadOutcome& outcome, std::string_view format);

 private:
  TypeId TypeOf(TypeKey key);
  Result<void> DropOverlapping(Array<ObjectRecord>* records);
  Result<void> FillGraph(const Array<ObjectRecord>& records);

  HeapGraph& graph_;
  NameTable& names_;
  Scratch& scratch_;
  const Progress& progress_;
  GrowingArray<ObjectRecord> records_;
  std::unordered_map<uint64_t, uint64_t> large_bytes_;  // by address; objects of 4 GiB and more
  struct {
    TypeKey key = 0;
    TypeId id = 0;
  } recent_[1024];
  Result<void> status_;
};

}  // namespace tidemark::heapgraph
