#include "v8heap/reachability.h"

namespace tidemark::v8heap {
namespace {

constexpr auto kWeak = static_cast<uint8_t>(EdgeKind::kWeak);
constexpr auto kTablePair = static_cast<uint8_t>(EdgeKind::kTablePair);
constexpr auto kShortcut = static_cast<uint8_t>(EdgeKind::kShortcut);
constexpr auto kInternal = static_cast<uint8_t>(EdgeKind::kInternal);
constexpr auto kElement = static_cast<uint8_t>(EdgeKind::kElement);

constexpr uint64_t kBetweenBreaths = 128;  // nodes or edges: each may map pages of its own

// Nodes, each put there once at most.
class NodeStack {
 public:
  explicit NodeStack(heapgraph::Array<uint32_t> nodes) : nodes_(std::move(nodes)) {}
  void Push(uint32_t node) { nodes_[size_++] = node; }
  uint32_t Pop() { return nodes_[--size_]; }
  bool empty() const { return size_ == 0; }
  std::span<const uint32_t> nodes() const { return nodes_.span().first(size_); }

 private:
  heapgraph::Array<uint32_t> nodes_;
  uint64_t size_ = 0;
};

class Walk {
 public:
  // Stacks with room for all nodes.
  Walk(Tables* tables, heapgraph::Scratch& scratch, NodeStack open, NodeStack aside)
      : tables_(*tables),
        scratch_(scratch),
        open_(std::move(open)),
        aside_(std::move(aside)),
        begin_(tables->edge_begin.span().data()),
        to_(tables->edge_to.span().data()),
        kind_(tables->edge_kind.span().data()),
        flags_(tables->node_flags.span().data()) {}

  std::vector<uint32_t> Run() {
    if (tables_.names.has_weak_map_pairs()) MarkTablePairs();
    FromGlobals();
    FromRoot(tables_.root());
    const uint32_t root = tables_.root();
    for (uint64_t edge = begin_[root]; edge < begin_[root + 1]; ++edge) {
      if (Counts(tables_, root, edge)) flags_[to_[edge]] |= kHeldByRoot;
    }
    return Orphans();
  }

 private:
  void Breathe() {
    if (++steps_ % kBetweenBreaths == 0) scratch_.Breathe();
  }

  // The edge from a table names the table itself.
  void MarkTablePairs() {
    const uint32_t* names = tables_.edge_name.span().data();
    uint8_t* kinds = tables_.edge_kind.span().data();
    for (uint32_t node = 0; node < tables_.nodes(); ++node) {
      Breathe();
      for (uint64_t edge = begin_[node]; edge < begin_[node + 1]; ++edge) {
        if (kinds[edge] != kInternal ||
            tables_.names.kind(names[edge]) != Names::Kind::kWeakMapPair) {
          continue;
        }
        if (tables_.names.table_of(names[edge]) == tables_.node_id[node]) kinds[edge] = kTablePair;
      }
    }
  }

  bool IsDomTrees(uint32_t node) {
    return tables_.kind_of(node) == NodeKind::kSynthetic &&
           tables_.names.text(tables_.node_name[node]) == "(Document DOM trees)";
  }

  // Page-owned nodes. From one of them all edges count but shortcuts and WeakMap tables', so what
  // those others do not have to be asked for is reached from the root as well.
  void FromGlobals() {
    const uint32_t root = tables_.root();
    for (uint64_t edge = begin_[root]; edge < begin_[root + 1]; ++edge) {
      const uint32_t to = to_[edge];
      if (kind_[edge] != kShortcut && (kind_[edge] != kElement || !IsDomTrees(to))) continue;
      if ((flags_[to] & kPageOwned) != 0) continue;
      flags_[to] |= kPageOwned | kReached;
      open_.Push(to);
    }
    while (!open_.empty()) {
      const uint32_t node = open_.Pop();
      for (uint64_t edge = begin_[node]; edge < begin_[node + 1]; ++edge) {
        Breathe();
        if ((flags_[to_[edge]] & kPageOwned) != 0) continue;
        if (kind_[edge] >= kShortcut) {
          if (kind_[edge] != kWeak) SetAside(to_[edge]);
          continue;
        }
        flags_[to_[edge]] |= kPageOwned | kReached;
        open_.Push(to_[edge]);
      }
    }
    OverAllButWeakFromAside();
  }

  void SetAside(uint32_t node) {
    if ((flags_[node] & kSetAside) != 0) return;
    flags_[node] |= kSetAside;
    aside_.Push(node);
  }

  void OverAllButWeakFromAside() {
    for (const uint32_t node : aside_.nodes()) flags_[node] |= kPageOwned;
    while (!aside_.empty()) {
      const uint32_t node = aside_.Pop();
      for (uint64_t edge = begin_[node]; edge < begin_[node + 1]; ++edge) {
        Breathe();
        if (kind_[edge] == kWeak || (flags_[to_[edge]] & kPageOwned) != 0) continue;
        flags_[to_[edge]] |= kPageOwned;
        aside_.Push(to_[edge]);
      }
    }
  }

  void FromRoot(uint32_t start) {
    flags_[start] |= kReached;
    open_.Push(start);
    while (!open_.empty()) {
      const uint32_t node = open_.Pop();
      for (uint64_t edge = begin_[node]; edge < begin_[node + 1]; ++edge) {
        Breathe();
        if ((flags_[to_[edge]] & kReached) != 0 || !Counts(tables_, node, edge)) continue;
        flags_[to_[edge]] |= kReached;
        open_.Push(to_[edge]);
      }
    }
  }

  std::vector<uint32_t> Orphans() {
    const auto unreached = [&](uint32_t node) { return (flags_[node] & kReached) == 0; };
    for (uint32_t node = 0; node < tables_.nodes(); ++node) {
      Breathe();
      if (!unreached(node)) continue;
      for (uint64_t edge = begin_[node]; edge < begin_[node + 1]; ++edge) {
        if (Counts(tables_, node, edge)) flags_[to_[edge]] |= kHasRetainer;
      }
    }
    std::vector<uint32_t> orphans;
    for (uint32_t node = 0; node < tables_.nodes(); ++node) {
      Breathe();
      if (!unreached(node) || (flags_[node] & kHasRetainer) != 0) continue;
      orphans.push_back(node);
      FromRoot(node);
    }
    for (uint32_t node = 0; node < tables_.nodes(); ++node) {
      Breathe();
      if (unreached(node)) orphans.push_back(node);
    }
    return orphans;
  }

  Tables& tables_;
  heapgraph::Scratch& scratch_;
  NodeStack open_, aside_;
  uint64_t steps_ = 0;
  const uint32_t* begin_;
  const uint32_t* to_;
  const uint8_t* kind_;
  uint8_t* flags_;
};

}  // namespace

Result<std::vector<uint32_t>> Reach(Tables* tables, heapgraph::Scratch& scratch) {
  TIDEMARK_ASSIGN_OR_RETURN(auto open, heapgraph::Array<uint32_t>::Make(scratch, tables->nodes()));
  TIDEMARK_ASSIGN_OR_RETURN(auto aside, heapgraph::Array<uint32_t>::Make(scratch, tables->nodes()));
  return Walk(tables, scratch, NodeStack(std::move(open)), NodeStack(std::move(aside))).Run();
}

}  // namespace tidemark::v8heap
