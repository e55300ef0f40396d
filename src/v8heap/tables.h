// A whole snapshot in flat arrays: nodes and edges by their ordinals, and of the strings those that
// name classes and edges. About 18 bytes a node, 9 an edge, 4 a string.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "heapgraph/scratch.h"
#include "v8heap/names.h"
#include "v8heap/schema.h"

namespace tidemark::v8heap {

enum NodeFlag : uint8_t {
  kPageOwned = 1,    // reached from a global object (reachability.h)
  kReached = 2,      // from the root
  kHasRetainer = 4,  // only set of nodes that are not reached
  kDetached = 8,
  kHeldByRoot = 16,  // a global object, a group of roots
  kSetAside = 32,    // while page-owned nodes are marked
};

struct Tables {
  explicit Tables(heapgraph::Scratch& scratch)
      : node_id(scratch),
        node_size(scratch),
        node_name(scratch),
        node_type(scratch),
        node_flags(scratch),
        edge_begin(scratch),
        edge_to(scratch),
        edge_name(scratch),
        edge_kind(scratch),
        names(scratch) {}

  uint32_t nodes() const { return static_cast<uint32_t>(node_count); }
  uint32_t root() const { return static_cast<uint32_t>(schema.root_index / schema.node_fields); }
  uint64_t size_of(uint32_t node);
  NodeKind kind_of(uint32_t node) { return schema.node_kinds[node_type[node]]; }

  Schema schema;
  uint64_t node_count = 0, edge_count = 0;
  heapgraph::GrowingArray<uint32_t> node_id;     // [nodes]
  heapgraph::GrowingArray<uint32_t> node_size;   // [nodes]; ~0: in large_sizes
  heapgraph::GrowingArray<uint32_t> node_name;   // [nodes] a string; after naming, a class's
  heapgraph::GrowingArray<uint8_t> node_type;    // [nodes] in schema.node_types
  heapgraph::GrowingArray<uint8_t> node_flags;   // [nodes]
  heapgraph::GrowingArray<uint32_t> edge_begin;  // [nodes + 1]
  heapgraph::GrowingArray<uint32_t> edge_to;     // [edges]
  heapgraph::GrowingArray<uint32_t> edge_name;   // [edges] a string, or an element's index
  heapgraph::GrowingArray<uint8_t> edge_kind;    // [edges] an EdgeKind
  std::vector<std::pair<uint32_t, uint64_t>> large_sizes;  // by node, ascending
  Names names;
  bool ids_usable = true;   // every id is there, fits 32 bits and is there once
  uint64_t lost_names = 0;  // nodes and edges whose string is not there
  uint64_t bytes = 0;       // of the file
  std::string damage;       // in what is not needed; "" = whole
};

// Reads all of `source`, once. `progress(bytes)` is called every now and then.
// Errors: the source's; corrupt and invalid argument with the section and the offset; resource
// exhausted over 2^32 - 16 Mi nodes or 2^32 - 1 edges; the scratch's.
Result<void> LoadTables(ByteSource& source, heapgraph::Scratch& scratch, Tables* tables,
                        const std::function<void(uint64_t)>& progress);

}  // namespace tidemark::v8heap
