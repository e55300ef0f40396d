// Names for a Go heap whose events came without: a filter between a reader (of a heap dump, of a
// graph-only file made from one) and whoever listens, with the executable that was dumped.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "goheap/go_executable.h"
#include "goheap/go_layouts.h"
#include "heapgraph/heap_events.h"

namespace tidemark::goheap {

// Whether a heap came from an executable, and where its image lay. A dump has no build id, so this
// compares what both have: the Go version, the data and bss segments' lengths, types' sizes.
class GoPlacement {
 public:
  explicit GoPlacement(const GoExecutable& executable);

  void AddVersion(std::string_view version);
  void AddType(const heapgraph::TypeEvent& type);
  void AddSegment(const heapgraph::HolderEvent& segment);

  // Of the program where it ran, less that of linking. Known when a segment was seen; before, for
  // an executable of fixed addresses all of whose types fit.
  std::optional<uint64_t> slide() const;
  // It is loaded where it was linked.
  bool fixed() const { return fixed_; }
  // Why it is not the executable that was dumped; "" when nothing speaks against it.
  const std::string& mismatch() const { return mismatch_; }

 private:
  struct Range {
    uint64_t begin = 0, end = 0;  // as linked; end 0: not known
  };
  Range RangeOf(const char* section, std::string_view begin, std::string_view end) const;
  void Refuse(std::string why);

  const GoExecutable& executable_;
  Range data_, bss_;
  bool fixed_ = false;  // linked to run at its link addresses
  std::optional<uint64_t> slide_;
  uint64_t types_ = 0;  // compared
  std::string mismatch_;
};

// Cuts kSegment holders into their globals, each a kGlobal holder "main.leakySpanCache" with the
// references that lie in it, labelled by offsets in it; what lies in none stays with the segment,
// "data (no symbol)".
// Every global of a segment is told, whatever it holds, so that readings with and without
// references tell the same holders. Types are named by their descriptors; derived keys
// (go_types.h) of references become those of what is there, once the slide is known.
// Facts: "executable slide" "0x0", or "executable" with what is wrong with it, and no names.
class GoNamer : public heapgraph::HeapSink {
 public:
  // `placement` is of an earlier reading of the same source, or fresh; it learns here.
  GoNamer(const GoExecutable& executable, GoPlacement& placement, heapgraph::HeapSink& next);
  // The events are over: names of types and the facts.
  void Finish();

  uint32_t Intern(std::string_view name) override { return next_.Intern(name); }
  void OnType(const heapgraph::TypeEvent& type) override;
  void OnObject(const heapgraph::ObjectEvent& object) override;
  void OnRoot(heapgraph::RootKind kind, uint64_t address) override { next_.OnRoot(kind, address); }
  void OnHolder(const heapgraph::HolderEvent& holder) override;
  void OnReference(uint64_t source, const heapgraph::Reference& reference) override;
  void OnFact(const heapgraph::FactEvent& fact) override;
  void OnProgress(uint64_t done_bytes) override { next_.OnProgress(done_bytes); }

 private:
  static constexpr size_t kMaxKeys = size_t{1} << 20;

  std::span<const heapgraph::Reference> Resolved(std::span<const heapgraph::Reference> references);
  TypeKey Resolve(TypeKey key);
  void Saw(TypeKey key);
  void Name(TypeKey key);
  void Split(const heapgraph::HolderEvent& segment);

  const GoExecutable& executable_;
  GoPlacement& placement_;
  heapgraph::HeapSink& next_;
  std::unique_ptr<GoLayouts> layouts_;  // once the slide is known
  std::unordered_set<TypeKey> seen_;    // at most kMaxKeys; further ones get no names
  TypeKey last_seen_ = 0;
  std::vector<heapgraph::Reference> references_, rest_;
};

// A source with names. Works on dumps, cores and graph-only files alike.
class NamedGoHeap : public heapgraph::HeapSource {
 public:
  // `executable` outlives it.
  NamedGoHeap(std::unique_ptr<heapgraph::HeapSource> heap, const GoExecutable& executable)
      : heap_(std::move(heap)), executable_(executable), placement_(executable) {}
  std::string_view format() const override { return heap_->format(); }
  Result<heapgraph::ReadOutcome> Read(heapgraph::HeapSink& sink, Wants wants) override;

  // After a Read: whether the executable fits, and what the loader added to its addresses.
  bool fits() const { return placement_.slide().has_value(); }
  uint64_t slide() const { return placement_.slide().value_or(0); }

 private:
  const std::unique_ptr<heapgraph::HeapSource> heap_;
  const GoExecutable& executable_;
  GoPlacement placement_;
};

}  // namespace tidemark::goheap
