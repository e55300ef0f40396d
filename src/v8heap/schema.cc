#include "v8heap/schema.h"

#include <algorithm>

namespace tidemark::v8heap {
namespace {

constexpr size_t kMaxText = 256;  // bytes of a field's or a type's name
constexpr size_t kMaxTypes = 250;

NodeKind NodeKindOf(std::string_view name) {
  constexpr std::pair<std::string_view, NodeKind> kKinds[] = {
      {"hidden", NodeKind::kHidden},   {"array", NodeKind::kArray},
      {"object", NodeKind::kObject},   {"code", NodeKind::kCode},
      {"closure", NodeKind::kClosure}, {"regexp", NodeKind::kRegExp},
      {"native", NodeKind::kNative},   {"synthetic", NodeKind::kSynthetic},
  };
  for (const auto& [known, kind] : kKinds) {
    if (known == name) return kind;
  }
  return NodeKind::kOther;
}

EdgeKind EdgeKindOf(std::string_view name) {
  constexpr std::pair<std::string_view, EdgeKind> kKinds[] = {
      {"context", EdgeKind::kContext},   {"element", EdgeKind::kElement},
      {"property", EdgeKind::kProperty}, {"internal", EdgeKind::kInternal},
      {"hidden", EdgeKind::kHidden},     {"shortcut", EdgeKind::kShortcut},
      {"weak", EdgeKind::kWeak},
  };
  for (const auto& [known, kind] : kKinds) {
    if (known == name) return kind;
  }
  return EdgeKind::kOther;
}

// {"key": value, ...}: `take(key)` reads the value or answers false, when it has failed.
template <typename Take>
bool Members(JsonScanner& scanner, Take take) {
  if (!scanner.Expect('{')) return false;
  if (scanner.Take('}')) return true;
  std::string key;
  do {
    if (!scanner.String(&key, kMaxText) || !scanner.Expect(':') || !take(key)) return false;
  } while (scanner.Take(','));
  return scanner.Expect('}');
}

bool Names(JsonScanner& scanner, size_t limit, std::vector<std::string>* names) {
  names->clear();
  if (!scanner.Expect('[')) return false;
  if (scanner.Take(']')) return true;
  do {
    if (names->size() == limit) {
      return scanner.FailWith("more than " + std::to_string(limit) + " names");
    }
    names->emplace_back();
    if (!scanner.String(&names->back(), kMaxText)) return false;
  } while (scanner.Take(','));
  return scanner.Expect(']');
}

// [["hidden", "array", ...], "string", "number", ...]: the types are the first.
bool TypeNames(JsonScanner& scanner, std::vector<std::string>* names) {
  if (!scanner.Expect('[') || !Names(scanner, kMaxTypes, names)) return false;
  while (scanner.Take(',')) {
    if (!scanner.SkipValue()) return false;
  }
  return scanner.Expect(']');
}

size_t Find(const std::vector<std::string>& names, std::string_view name) {
  const auto found = std::find(names.begin(), names.end(), name);
  return found == names.end() ? Schema::kAbsent : static_cast<size_t>(found - names.begin());
}

struct Meta {
  std::vector<std::string> node_fields, edge_fields, edge_types;
};

bool ReadMeta(JsonScanner& scanner, Meta* meta, Schema* schema) {
  return Members(scanner, [&](std::string_view key) {
    if (key == "node_fields") return Names(scanner, JsonScanner::kMaxFields, &meta->node_fields);
    if (key == "edge_fields") return Names(scanner, JsonScanner::kMaxFields, &meta->edge_fields);
    if (key == "node_types") return TypeNames(scanner, &schema->node_types);
    if (key == "edge_types") return TypeNames(scanner, &meta->edge_types);
    return scanner.SkipValue();
  });
}

bool Resolve(JsonScanner& scanner, const Meta& meta, Schema* schema) {
  const struct {
    const std::vector<std::string>& fields;
    std::string_view list, name;
    size_t* place;
    bool required;
  } wanted[] = {
      {meta.node_fields, "node_fields", "type", &schema->type, true},
      {meta.node_fields, "node_fields", "name", &schema->name, true},
      {meta.node_fields, "node_fields", "id", &schema->id, true},
      {meta.node_fields, "node_fields", "self_size", &schema->self_size, true},
      {meta.node_fields, "node_fields", "edge_count", &schema->edges, true},
      {meta.node_fields, "node_fields", "detachedness", &schema->detachedness, false},
      {meta.edge_fields, "edge_fields", "type", &schema->edge_type, true},
      {meta.edge_fields, "edge_fields", "name_or_index", &schema->name_or_index, true},
      {meta.edge_fields, "edge_fields", "to_node", &schema->to_node, true},
  };
  for (const auto& field : wanted) {
    *field.place = Find(field.fields, field.name);
    if (*field.place == Schema::kAbsent && field.required) {
      return scanner.FailWith("snapshot.meta." + std::string(field.list) + " has no \"" +
                              std::string(field.name) + "\": not a V8 heap snapshot");
    }
  }
  schema->node_fields = meta.node_fields.size();
  schema->edge_fields = meta.edge_fields.size();
  for (const auto& name : schema->node_types) schema->node_kinds.push_back(NodeKindOf(name));
  for (const auto& name : meta.edge_types) schema->edge_kinds.push_back(EdgeKindOf(name));
  return true;
}

}  // namespace

bool ReadSchema(JsonScanner& scanner, Schema* schema) {
  Meta meta;
  const bool read = Members(scanner, [&](std::string_view key) {
    if (key == "meta") return ReadMeta(scanner, &meta, schema);
    if (key == "node_count") return scanner.Number(&schema->node_count);
    if (key == "edge_count") return scanner.Number(&schema->edge_count);
    if (key == "root_index") return scanner.Number(&schema->root_index);
    if (key == "extra_native_bytes") return scanner.Number(&schema->extra_native_bytes);
    return scanner.SkipValue();
  });
  return read && Resolve(scanner, meta, schema);
}

}  // namespace tidemark::v8heap
