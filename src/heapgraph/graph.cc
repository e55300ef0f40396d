#include "heapgraph/graph.h"

#include <charconv>

namespace tidemark::heapgraph {
namespace {

constexpr size_t kMaxTypes = size_t{4} << 20;

std::string NameOfUnnamed(TypeKey key) {
  if (key == 0) return "(unknown)";
  char text[24];
  const auto end = std::to_chars(text, text + sizeof text, key, 16).ptr;
  return "type 0x" + std::string(text, end);
}

}  // namespace

ObjectId HeapGraph::Find(uint64_t address) const { return Covering(address, index_.Find(address)); }

TypeId HeapGraph::AddType(Type type) {
  const auto [entry, added] = type_ids_.try_emplace(type.key, static_cast<TypeId>(types_.size()));
  if (added || type.key == 0) {
    if (types_.size() >= kMaxTypes) {
      if (added) type_ids_.erase(entry);
      ++losses_.types_refused;
      return 0;
    }
    if (type.name.empty()) type.name = NameOfUnnamed(type.key);
    types_.push_back(std::move(type));
    return static_cast<TypeId>(types_.size() - 1);
  }
  Type& known = types_[entry->second];
  if (!type.name.empty()) known.name = std::move(type.name);
  if (type.bytes != 0) known.bytes = type.bytes;
  known.internal |= type.internal;
  return entry->second;
}

TypeId HeapGraph::FindType(TypeKey key) const {
  const auto found = type_ids_.find(key);
  return found == type_ids_.end() ? 0 : found->second;
}

std::string HeapGraph::LabelText(Label label) const {
  const std::string number = std::to_string(label.number());
  switch (label.kind()) {
    case Label::Kind::kOffset:
      return "+" + number;
    case Label::Kind::kIndex:
      return "[" + number + "]";
    case Label::Kind::kName:
      return "." + (label.number() < names_.size() ? names_[label.number()] : number);
    case Label::Kind::kHidden:
      return "<" + (label.number() < names_.size() ? names_[label.number()] : number) + ">";
  }
  return number;
}

std::string_view HeapGraph::fact(std::string_view key) const {
  const auto found = facts_.find(key);
  return found == facts_.end() ? std::string_view() : std::string_view(found->second);
}

}  // namespace tidemark::heapgraph
