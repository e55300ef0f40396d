// A HeapSink that keeps everything it is told: for tests of readers and filters.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "heapgraph/heap_events.h"

namespace tidemark::heapgraph {

class CollectingSink : public HeapSink {
 public:
  struct Object {
    uint64_t bytes = 0;
    TypeKey type = 0;
    std::vector<Reference> references;
    std::vector<std::byte> contents;
    bool pointer_free = false;
  };
  struct Holder {
    RootKind kind = RootKind::kOther;
    uint64_t address = 0, bytes = 0;
    std::vector<Reference> references;
  };

  uint32_t Intern(std::string_view name) override {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found != names.end()) return static_cast<uint32_t>(found - names.begin());
    names.emplace_back(name);
    return static_cast<uint32_t>(names.size() - 1);
  }
  void OnType(const TypeEvent& type) override {
    types[type.key] = type;
    if (!type.name.empty()) type_names[type.key] = type.name;
  }
  void OnObject(const ObjectEvent& event) override {
    objects[event.address] = {
        event.bytes,
        event.type,
        {event.references.begin(), event.references.end()},
        {event.contents.begin(), event.contents.end()},
        event.pointer_free,
    };
  }
  void OnRoot(RootKind kind, uint64_t address) override { roots.emplace_back(kind, address); }
  void OnHolder(const HolderEvent& event) override {
    holders[std::string(event.name)] = {
        event.kind,
        event.address,
        event.bytes,
        {event.references.begin(), event.references.end()},
    };
  }
  void OnReference(uint64_t source, const Reference& reference) override {
    references.emplace_back(source, reference);
  }
  void OnFact(const FactEvent& fact) override {
    facts[std::string(fact.key)] = std::string(fact.value);
  }
  void OnProgress(uint64_t done_bytes) override { progress = done_bytes; }

  std::vector<std::string> names;
  std::map<TypeKey, TypeEvent> types;  // their names are in type_names
  std::map<TypeKey, std::string> type_names;
  std::map<uint64_t, Object> objects;  // by address
  std::map<std::string, Holder> holders;
  std::vector<std::pair<RootKind, uint64_t>> roots;
  std::vector<std::pair<uint64_t, Reference>> references;
  std::map<std::string, std::string> facts;
  uint64_t progress = 0;
};

}  // namespace tidemark::heapgraph
