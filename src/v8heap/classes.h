// What DevTools calls the class of a node: objects by their constructor, the rest by what they are.
#pragma once

#include "heapgraph/heap_events.h"
#include "v8heap/tables.h"

namespace tidemark::v8heap {

// The name of a detached node's class begins with this, so that graphs know them too.
constexpr std::string_view kDetachedPrefix = "Detached ";

// Over tables, whose names of nodes it makes those of classes: "<div id=a>" and "<div id=b>" are
// both "<div>" (the first of their names stands for it).
class Classes {
 public:
  // `scratch`: where the tables lie.
  Classes(Tables* tables, heapgraph::Scratch& scratch);

  // Equal for nodes of one class; never 0. What the root holds itself has keys of its own.
  heapgraph::TypeKey KeyOf(uint32_t node) const;
  std::string NameOf(uint32_t node) const;
  // Insides of containers and of the engine, which reports fold away; what the root holds itself
  // too, since a holder of the same name stands above it.
  bool IsInternal(uint32_t node) const;

 private:
  static bool Named(NodeKind kind) {
    return kind == NodeKind::kObject || kind == NodeKind::kNative || kind == NodeKind::kSynthetic;
  }
  std::string OwnName(uint32_t node) const;
  Tables& tables_;
};

}  // namespace tidemark::v8heap
