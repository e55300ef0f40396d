#include "v8heap/tables.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace tidemark::v8heap {
namespace {

constexpr uint64_t kMaxNodes = (uint64_t{1} << 32) - (uint64_t{16} << 20);
constexpr uint64_t kMaxEdges = (uint64_t{1} << 32) - 2;
constexpr uint32_t kLarge = ~0u;
constexpr uint64_t kStep = 1 << 16;  // nodes or edges between two looks at memory and progress
constexpr uint64_t kDetachedState = 2;

uint32_t Held32(uint64_t value) {
  return static_cast<uint32_t>(std::min<uint64_t>(value, std::numeric_limits<uint32_t>::max()));
}

template <typename... Arrays>
Result<void> ReserveAll(uint64_t count, Arrays&... arrays) {
  Result<void> status;
  ((status = status ? arrays.Reserve(count) : status), ...);
  return status;
}

// x / fields for multiples of `fields`; for anything else a number too large to be a node's.
// (Exact division by an inverse modulo 2^64: Hacker's Delight, 10-16.)
class ExactDivision {
 public:
  explicit ExactDivision(uint64_t divisor) : shift_(std::countr_zero(divisor)) {
    const uint64_t odd = divisor >> shift_;
    inverse_ = odd;
    for (int i = 0; i < 6; ++i) inverse_ *= 2 - odd * inverse_;
  }
  uint64_t operator()(uint64_t value) const { return std::rotr(value * inverse_, shift_); }

 private:
  int shift_;
  uint64_t inverse_;
};

class Loader {
 public:
  Loader(ByteSource& source, Tables* tables, const std::function<void(uint64_t)>& progress)
      : scanner_(source), size_(source.size()), tables_(*tables), progress_(progress) {}

  Result<void> Run() {
    Members();
    tables_.bytes = scanner_.offset();
    if (!status_) return status_.error();
    if (!scanner_.ok()) {
      // What the graph needs is there when the edges are.
      if (!has_edges_ || scanner_.error().code != ErrorCode::kCorrupt) return scanner_.error();
      AddDamage(scanner_.error().message);
    } else if (!has_edges_) {
      return Corrupt("heap snapshot without " + std::string(has_nodes_ ? "edges" : "nodes") +
                     ": ends at offset " + std::to_string(scanner_.offset()));
    }
    return {};
  }

 private:
  bool Members() {
    if (!scanner_.Expect('{')) return false;
    std::string key;
    do {
      scanner_.set_section("top level");
      if (!scanner_.String(&key, 64) || !scanner_.Expect(':') || !Member(key)) return false;
      if (progress_) progress_(scanner_.offset());
    } while (scanner_.Take(','));
    scanner_.set_section("top level");
    return scanner_.Expect('}');
  }

  bool Member(const std::string& key) {
    if (key == "snapshot" && !has_schema_) {
      scanner_.set_section("snapshot");
      return has_schema_ = ReadSchema(scanner_, &tables_.schema);
    }
    if (key == "nodes" && !has_nodes_) {
      scanner_.set_section("nodes");
      return has_nodes_ = ReadNodes();
    }
    if (key == "edges" && !has_edges_) {
      scanner_.set_section("edges");
      return has_edges_ = ReadEdges();
    }
    if (key == "strings") {
      scanner_.set_section("strings");
      if (!has_edges_) return scanner_.FailWith("they come before nodes and edges");
      return tables_.names.Read(scanner_, &status_);
    }
    scanner_.set_section("a part that is not needed");
    return scanner_.SkipValue();
  }

  bool Grow(Result<void> status) {
    status_ = std::move(status);
    if (progress_) progress_(scanner_.offset());
    return status_.has_value();
  }

  // What the head promises, as far as the file can hold as much.
  uint64_t Promised(uint64_t count, size_t fields) const {
    if (!size_) return 0;
    return std::min(count, *size_ / (2 * fields));
  }

  bool GrowNodes(uint64_t count) {
    return Grow(ReserveAll(count, tables_.node_id, tables_.node_size, tables_.node_name,
                           tables_.node_type, tables_.node_flags, tables_.edge_begin));
  }

  bool ReadNodes() {
    if (!has_schema_) return scanner_.FailWith("they come before \"snapshot\"");
    const Schema& schema = tables_.schema;
    if (!GrowNodes(Promised(schema.node_count, schema.node_fields) + kStep)) return false;
    if (!scanner_.Tuples(schema.node_fields, [this](const uint64_t* v) { return TakeNode(v); })) {
      return false;
    }
    tables_.edge_begin.Push(static_cast<uint32_t>(edges_promised_));
    if (tables_.node_count == 0) return scanner_.FailWith("there are none");
    if (schema.root_index / schema.node_fields >= tables_.node_count) {
      return scanner_.FailWith("snapshot.root_index " + std::to_string(schema.root_index) +
                               " is behind the last of " + std::to_string(tables_.node_count) +
                               " nodes");
    }
    CompareCount("nodes", tables_.node_count, "node_count", schema.node_count);
    return true;
  }

  bool TakeNode(const uint64_t* values) {
    const Schema& schema = tables_.schema;
    if (tables_.node_count % kStep == 0 && !GrowNodes(kStep + 1)) return false;
    const uint64_t type = values[schema.type], size = values[schema.self_size];
    const uint64_t id = values[schema.id], name = values[schema.name];
    if (type >= schema.node_types.size()) {
      return FailAt("node", tables_.node_count, "has type", type);
    }
    if (tables_.node_count >= kMaxNodes) return TooMany("nodes", kMaxNodes);
    if (size >= kLarge) tables_.large_sizes.emplace_back(tables_.nodes(), size);
    if (id == 0 || id > std::numeric_limits<uint32_t>::max()) tables_.ids_usable = false;
    const NodeKind kind = schema.node_kinds[type];
    if (kind == NodeKind::kObject || kind == NodeKind::kNative || kind == NodeKind::kSynthetic) {
      tables_.names.Want(name);
    }
    const bool detached =
        schema.detachedness != Schema::kAbsent && values[schema.detachedness] == kDetachedState;
    tables_.node_id.Push(Held32(id));
    tables_.node_size.Push(Held32(size));
    tables_.node_name.Push(Held32(name));
    tables_.node_type.Push(static_cast<uint8_t>(type));
    tables_.node_flags.Push(detached ? kDetached : 0);
    tables_.edge_begin.Push(static_cast<uint32_t>(edges_promised_));
    ++tables_.node_count;
    const uint64_t edges = values[schema.edges];
    if (edges > kMaxEdges - edges_promised_) return TooMany("edges", kMaxEdges);
    edges_promised_ += edges;
    return true;
  }

  bool GrowEdges(uint64_t count) {
    return Grow(ReserveAll(count, tables_.edge_to, tables_.edge_name, tables_.edge_kind));
  }

  bool ReadEdges() {
    if (!has_nodes_) return scanner_.FailWith("they come before \"nodes\"");
    const Schema& schema = tables_.schema;
    const ExactDivision to_ordinal(schema.node_fields);
    if (!GrowEdges(Promised(edges_promised_, schema.edge_fields) + kStep)) return false;
    if (!scanner_.Tuples(schema.edge_fields, [&](const uint64_t* v) {
          return TakeEdge(v, to_ordinal(v[schema.to_node]));
        })) {
      return false;
    }
    if (tables_.edge_count != edges_promised_) {
      return scanner_.FailWith("there are " + std::to_string(tables_.edge_count) +
                               ", but the nodes have " + std::to_string(edges_promised_));
    }
    CompareCount("edges", tables_.edge_count, "edge_count", schema.edge_count);
    return true;
  }

  bool TakeEdge(const uint64_t* values, uint64_t to) {
    const Schema& schema = tables_.schema;
    if (tables_.edge_count % kStep == 0 && !GrowEdges(kStep)) return false;
    const uint64_t type = values[schema.edge_type], name = values[schema.name_or_index];
    if (type >= schema.edge_kinds.size()) {
      return FailAt("edge", tables_.edge_count, "has type", type);
    }
    if (to >= tables_.node_count) {
      return FailAt("edge", tables_.edge_count, "points to", values[schema.to_node]);
    }
    if (tables_.edge_count == edges_promised_) {
      return scanner_.FailWith("there are more than the " + std::to_string(edges_promised_) +
                               " of the nodes");
    }
    const EdgeKind kind = schema.edge_kinds[type];
    if (kind != EdgeKind::kElement && kind != EdgeKind::kHidden && kind < EdgeKind::kShortcut) {
      tables_.names.Want(name);
    }
    tables_.edge_to.Push(static_cast<uint32_t>(to));
    tables_.edge_name.Push(Held32(name));
    tables_.edge_kind.Push(static_cast<uint8_t>(kind));
    ++tables_.edge_count;
    return true;
  }

  bool FailAt(const char* what, uint64_t ordinal, const char* how, uint64_t value) {
    return scanner_.FailWith(std::string(what) + " " + std::to_string(ordinal) + " " + how + " " +
                             std::to_string(value) + ", which is not there");
  }

  bool TooMany(const char* what, uint64_t limit) {
    status_ = TooLarge("heap snapshot: more than " + std::to_string(limit) + " " + what);
    return false;
  }

  void CompareCount(const char* what, uint64_t found, const char* field, uint64_t told) {
    if (found == told) return;
    AddDamage("heap snapshot: " + std::to_string(found) + " " + what + ", but snapshot." + field +
              " is " + std::to_string(told));
  }

  void AddDamage(const std::string& damage) {
    if (!tables_.damage.empty()) tables_.damage += "; ";
    tables_.damage += damage;
  }

  JsonScanner scanner_;
  const std::optional<uint64_t> size_;
  Tables& tables_;
  const std::function<void(uint64_t)>& progress_;
  Result<void> status_;
  uint64_t edges_promised_ = 0;
  bool has_schema_ = false, has_nodes_ = false, has_edges_ = false;
};

// Looks for an id that is there twice: small ids by a bit each, the few large ones by sorting.
Result<bool> IdsAreDistinct(std::span<const uint32_t> ids, heapgraph::Scratch& scratch) {
  uint32_t largest = 0;
  for (uint64_t i = 0; i < ids.size(); ++i) {
    scratch.BreatheAt(i);
    largest = std::max(largest, ids[i]);
  }
  const uint64_t small = std::min(uint64_t{largest} + 1, ids.size() * 32);
  TIDEMARK_ASSIGN_OR_RETURN(auto seen, heapgraph::Array<uint64_t>::Make(scratch, small / 64 + 1));
  std::vector<uint32_t> large;
  for (uint64_t i = 0; i < ids.size(); ++i) {
    scratch.BreatheAt(i);
    const uint32_t id = ids[i];
    if (id >= small) {
      large.push_back(id);
      continue;
    }
    uint64_t& word = seen[id / 64];
    const uint64_t bit = uint64_t{1} << id % 64;
    if ((word & bit) != 0) return false;
    word |= bit;
  }
  std::sort(large.begin(), large.end());
  return std::adjacent_find(large.begin(), large.end()) == large.end();
}

}  // namespace

uint64_t Tables::size_of(uint32_t node) {
  if (node_size[node] != kLarge) return node_size[node];
  return std::lower_bound(large_sizes.begin(), large_sizes.end(), std::pair(node, uint64_t{0}))
      ->second;
}

Result<void> LoadTables(ByteSource& source, heapgraph::Scratch& scratch, Tables* tables,
                        const std::function<void(uint64_t)>& progress) {
  TIDEMARK_RETURN_IF_ERROR(Loader(source, tables, progress).Run());
  if (!tables->ids_usable) return {};
  TIDEMARK_ASSIGN_OR_RETURN(tables->ids_usable, IdsAreDistinct(tables->node_id.span(), scratch));
  return {};
}

}  // namespace tidemark::v8heap
