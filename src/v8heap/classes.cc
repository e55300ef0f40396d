#include "v8heap/classes.h"

#include <unordered_map>

namespace tidemark::v8heap {
namespace {

// "<div id=a>" -> "<div>", "Detached <div id=a>" -> "Detached <div>"; "" = stays as it is.
std::string ElementClass(std::string_view name) {
  const bool detached = name.starts_with("Detached <");
  if (!detached && !name.starts_with('<')) return {};
  const size_t space = name.find(' ', detached ? kDetachedPrefix.size() + 1 : 0);
  return space == std::string_view::npos ? std::string() : std::string(name.substr(0, space)) + ">";
}

}  // namespace

Classes::Classes(Tables* tables, heapgraph::Scratch& scratch) : tables_(*tables) {
  enum : uint8_t { kUnseen, kPlain, kElement };
  std::vector<uint8_t> seen(tables->names.size(), kUnseen);
  std::unordered_map<uint32_t, uint32_t> stands_for;  // of element names
  std::unordered_map<std::string, uint32_t> first_of_class;
  for (uint32_t node = 0; node < tables->nodes(); ++node) {
    scratch.BreatheAt(node);
    const uint32_t name = tables->node_name[node];
    if (name >= seen.size() || !Named(tables->kind_of(node))) continue;
    if (seen[name] == kUnseen) {
      const std::string element = ElementClass(tables->names.text(name));
      seen[name] = element.empty() ? kPlain : kElement;
      if (!element.empty())
        stands_for[name] = first_of_class.try_emplace(element, name).first->second;
    }
    if (seen[name] == kElement) tables->node_name[node] = stands_for[name];
  }
}

heapgraph::TypeKey Classes::KeyOf(uint32_t node) const {
  const bool detached = (tables_.node_flags[node] & kDetached) != 0;
  if (!Named(tables_.kind_of(node))) return (uint64_t{tables_.node_type[node]} + 1) << 1 | detached;
  const bool held_by_root = (tables_.node_flags[node] & kHeldByRoot) != 0;
  return (uint64_t{tables_.node_name[node]} + 1) << 10 | uint64_t{held_by_root} << 1 | detached;
}

std::string Classes::OwnName(uint32_t node) const {
  switch (tables_.kind_of(node)) {
    case NodeKind::kHidden:
      return "(system)";
    case NodeKind::kCode:
      return "(compiled code)";
    case NodeKind::kClosure:
      return "Function";
    case NodeKind::kRegExp:
      return "RegExp";
    case NodeKind::kArray:
    case NodeKind::kOther:
      return "(" + tables_.schema.node_types[tables_.node_type[node]] + ")";
    case NodeKind::kObject:
    case NodeKind::kNative:
    case NodeKind::kSynthetic:
      break;
  }
  std::string name = tables_.names.text(tables_.node_name[node]);
  if (name.empty()) return node == tables_.root() ? "(root)" : "(no name)";
  const std::string element = ElementClass(name);
  return element.empty() ? name : element;
}

std::string Classes::NameOf(uint32_t node) const {
  std::string name = OwnName(node);
  const bool detached = (tables_.node_flags[node] & kDetached) != 0;
  return detached && !name.starts_with(kDetachedPrefix) ? std::string(kDetachedPrefix) + name
                                                        : name;
}

bool Classes::IsInternal(uint32_t node) const {
  const NodeKind kind = tables_.kind_of(node);
  if (kind == NodeKind::kHidden || kind == NodeKind::kArray) return true;
  if (kind == NodeKind::kOther) {
    return tables_.schema.node_types[tables_.node_type[node]] == "object shape";
  }
  if (!Named(kind)) return false;
  return (tables_.node_flags[node] & kHeldByRoot) != 0 ||
         tables_.names.text(tables_.node_name[node]).starts_with("system / ");
}

}  // namespace tidemark::v8heap
