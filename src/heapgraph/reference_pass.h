// The second reading: references and roots, from addresses to ids.
#pragma once

#include "heapgraph/graph.h"
#include "heapgraph/name_table.h"

namespace tidemark::heapgraph {

class ReferencePass : public HeapSink {
 public:
  ReferencePass(HeapGraph& graph, NameTable& names, Scratch& scratch, const Progress& progress,
                uint64_t source_bytes);

  uint32_t Intern(std::string_view name) override { return names_.Intern(name); }
  // Some types show in references only, so that the first reading did not tell them.
  void OnType(const TypeEvent& type) override {
    graph_.AddType({type.key, std::string(type.name), type.bytes, type.internal});
  }
  void OnFact(const FactEvent&) override {}  // of the first reading
  void OnObject(const ObjectEvent& object) override;
  void OnHolder(const HolderEvent& holder) override;
  void OnRoot(RootKind kind, uint64_t address) override;
  void OnReference(uint64_t source, const Reference& reference) override;
  void OnProgress(uint64_t done_bytes) override;

  // Resolves what is left and closes the graph. Errors: the scratch's, of any event.
  Result<void> Finish();

 private:
  // References wait here until there are enough to look up together.
  struct Row {
    ObjectId source;
    uint32_t end;  // of its references in references_
  };
  struct Extra {
    ObjectId source;
    uint32_t label;
    uint64_t target;
    TypeKey target_type;
  };
  void AddRow(ObjectId source, std::span<const Reference> references);
  void ResolveBatch();
  void AddRoots();
  Result<void> AddExtras();
  ObjectId SourceAt(uint64_t address);
  void LearnType(ObjectId target, const Reference& reference);

  HeapGraph& graph_;
  NameTable& names_;
  Scratch& scratch_;
  const Progress& progress_;
  const uint64_t source_bytes_;
  ObjectId next_holder_ = 0, next_object_;
  std::vector<Row> rows_;
  std::vector<Reference> references_;  // of rows_, in their order
  std::vector<uint64_t> addresses_;
  std::vector<AddressIndex::Found> found_;
  GrowingArray<Extra> extras_;
  struct ToldRoot {
    uint64_t address;
    RootKind kind;
  };
  GrowingArray<ToldRoot> told_roots_;
  GrowingArray<ObjectId> target_;
  GrowingArray<uint32_t> label_;
  Result<void> status_;
};

}  // namespace tidemark::heapgraph
