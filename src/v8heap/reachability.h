// DevTools' rules of what keeps what alive in a V8 snapshot, worked out before anything is told.
//
//   an edge counts unless it is weak, leads to its own node, is a shortcut from another node than
//   the root, comes from a WeakMap's table to a value (its key keeps it), or leads from a node that
//   is not page-owned to one that is (the root's own edges always count)
//   page-owned: reached over any but weak edges from a global object (a shortcut of the root) or
//   from "(Document DOM trees)"
//
// Source: ChromeDevTools/devtools-frontend, front_end/entrypoints/heap_snapshot_worker/
// HeapSnapshot.ts, computeIsEssentialEdge, markPageOwnedNodes, calculateDominatorsAndRetainedSizes.
#pragma once

#include <vector>

#include "v8heap/tables.h"

namespace tidemark::v8heap {

// Once Reach has run.
inline bool Counts(Tables& tables, uint32_t from, uint64_t edge) {
  const uint8_t kind = tables.edge_kind[edge];
  const uint32_t to = tables.edge_to[edge];
  if (kind > static_cast<uint8_t>(EdgeKind::kShortcut) || to == from) return false;
  if (from == tables.root()) return true;
  if (kind == static_cast<uint8_t>(EdgeKind::kShortcut)) return false;
  return (tables.node_flags[from] & kPageOwned) != 0 || (tables.node_flags[to] & kPageOwned) == 0;
}

// Marks edges from WeakMap tables, page-owned nodes and those that the root reaches. Answers the
// nodes that have to be roots too so that everything is reached: first, in order, those with no
// edge that counts, and what they reach; then whatever is left, each by itself. Takes 8 bytes a
// node of `scratch`, until it is done. Errors: the scratch's.
Result<std::vector<uint32_t>> Reach(Tables* tables, heapgraph::Scratch& scratch);

}  // namespace tidemark::v8heap
