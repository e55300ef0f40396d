// The head of a snapshot: which fields a node and an edge have, and what their types are called.
// V8 adds fields and types without notice, so everything is found by its name.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "v8heap/json_scanner.h"

namespace tidemark::v8heap {

enum class NodeKind : uint8_t {
  kHidden,
  kArray,
  kObject,
  kCode,
  kClosure,
  kRegExp,
  kNative,
  kSynthetic,
  kOther,  // strings, numbers, whatever is new: its class is the name of its type in parentheses
};

// Those before kShortcut keep their target alive.
enum class EdgeKind : uint8_t {
  kContext,
  kElement,
  kProperty,
  kInternal,
  kHidden,
  kOther,
  kShortcut,   // keeps alive from the root only, where it marks a global object
  kTablePair,  // an internal edge from a WeakMap's table to a value, which the key keeps
  kWeak,
};

struct Schema {
  static constexpr size_t kAbsent = ~size_t{0};

  size_t node_fields = 0;  // numbers a node
  size_t type = kAbsent, name = kAbsent, id = kAbsent, self_size = kAbsent, edges = kAbsent;
  size_t detachedness = kAbsent;  // absent in old snapshots
  size_t edge_fields = 0;
  size_t edge_type = kAbsent, name_or_index = kAbsent, to_node = kAbsent;
  std::vector<std::string> node_types;
  std::vector<NodeKind> node_kinds;  // of node_types
  std::vector<EdgeKind> edge_kinds;
  uint64_t node_count = 0, edge_count = 0, root_index = 0;  // as the head tells them
  uint64_t extra_native_bytes = 0;
};

// The value of "snapshot". False: the scanner has the error.
bool ReadSchema(JsonScanner& scanner, Schema* schema);

}  // namespace tidemark::v8heap
