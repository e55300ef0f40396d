#include "v8heap/reachability.h"

namespace tidemark::v8heap {
namespace {

constexpr auto kWeak = static_cast<uint8_t>(EdgeKind::kWeak);
constexpr auto kTablePair = static_cast<uint8_t>(EdgeKind::kTablePair);
constexpr auto kShortcut = static_cast<uint8_t>(EdgeKind::kShortcut);
constexpr auto kInternal = static_cast<uint8_t>(EdgeKind::kInternal);
constexpr auto kElement = static_cast<uint8_t>(EdgeKind::kElement);

class Walk {
 public:
  explicit Walk(Tables* tables)
      : tables_(*tables),
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
  // The edge from a table names the table itself.
  void MarkTablePairs() {
    const uint32_t* names = tables_.edge_name.span().data();
    uint8_t* kinds = tables_.edge_kind.span().data();
    for (uint32_t node = 0; node < tables_.nodes(); ++node) {
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
    std::vector<uint32_t> open, aside;
    for (uint64_t edge = begin_[root]; edge < begin_[root + 1]; ++edge) {
      const uint32_t to = to_[edge];
      if (kind_[edge] != kShortcut && (kind_[edge] != kElement || !IsDomTrees(to))) continue;
      if ((flags_[to] & kPageOwned) != 0) continue;
      flags_[to] |= kPageOwned | kReached;
      open.push_back(to);
    }
    while (!open.empty()) {
      const uint32_t node = open.back();
      open.pop_back();
      for (uint64_t edge = begin_[node]; edge < begin_[node + 1]; ++edge) {
        if ((flags_[to_[edge]] & kPageOwned) != 0) continue;
        if (kind_[edge] >= kShortcut) {
          if (kind_[edge] != kWeak) aside.push_back(to_[edge]);
          continue;
        }
        flags_[to_[edge]] |= kPageOwned | kReached;
        open.push_back(to_[edge]);
      }
    }
    OverAllButWeak(std::move(aside));
  }

  void OverAllButWeak(std::vector<uint32_t> open) {
    for (const uint32_t node : open) flags_[node] |= kPageOwned;
    while (!open.empty()) {
      const uint32_t node = open.back();
      open.pop_back();
      for (uint64_t edge = begin_[node]; edge < begin_[node + 1]; ++edge) {
        if (kind_[edge] == kWeak || (flags_[to_[edge]] & kPageOwned) != 0) continue;
        flags_[to_[edge]] |= kPageOwned;
        open.push_back(to_[edge]);
      }
    }
  }

  void FromRoot(uint32_t start) {
    flags_[start] |= kReached;
    open_.assign(1, start);
    while (!open_.empty()) {
      const uint32_t node = open_.back();
      open_.pop_back();
      for (uint64_t edge = begin_[node]; edge < begin_[node + 1]; ++edge) {
        if ((flags_[to_[edge]] & kReached) != 0 || !Counts(tables_, node, edge)) continue;
        flags_[to_[edge]] |= kReached;
        open_.push_back(to_[edge]);
      }
    }
  }

  std::vector<uint32_t> Orphans() {
    const auto unreached = [&](uint32_t node) { return (flags_[node] & kReached) == 0; };
    for (uint32_t node = 0; node < tables_.nodes(); ++node) {
      if (!unreached(node)) continue;
      for (uint64_t edge = begin_[node]; edge < begin_[node + 1]; ++edge) {
        if (Counts(tables_, node, edge)) flags_[to_[edge]] |= kHasRetainer;
      }
    }
    std::vector<uint32_t> orphans;
    for (uint32_t node = 0; node < tables_.nodes(); ++node) {
      if (!unreached(node) || (flags_[node] & kHasRetainer) != 0) continue;
      orphans.push_back(node);
      FromRoot(node);
    }
    for (uint32_t node = 0; node < tables_.nodes(); ++node) {
      if (unreached(node)) orphans.push_back(node);
    }
    return orphans;
  }

  Tables& tables_;
  const uint32_t* begin_;
  const uint32_t* to_;
  const uint8_t* kind_;
  uint8_t* flags_;
  std::vector<uint32_t> open_;
};

}  // namespace

std::vector<uint32_t> Reach(Tables* tables) { return Walk(tables).Run(); }

}  // namespace tidemark::v8heap
