// A heap made by hand, as a source: for tests.
#pragma once

#include <string>
#include <vector>

#include "heapgraph/heap_events.h"

namespace tidemark::heapgraph {

class MadeHeap : public HeapSource {
 public:
  struct Edge {
    uint64_t target;
    std::string field;  // "" = offset 0
  };

  void Type(TypeKey key, std::string name, bool internal = false) {
    types_.push_back({key, std::move(name), internal});
  }
  void Object(uint64_t address, uint64_t bytes, TypeKey type, std::vector<Edge> edges = {}) {
    objects_.push_back({address, bytes, type, std::move(edges)});
  }
  void Root(uint64_t address, RootKind kind = RootKind::kHandle) {
    roots_.emplace_back(kind, address);
  }
  void Global(std::string name, std::vector<Edge> edges, RootKind kind = RootKind::kGlobal) {
    holders_.push_back({std::move(name), kind, std::move(edges)});
  }
  void Extra(uint64_t source, Edge edge) { extras_.emplace_back(source, std::move(edge)); }

  void Fact(std::string key, std::string value) {
    facts_.emplace_back(std::move(key), std::move(value));
  }

  std::string_view format() const override { return "made by hand"; }
  Result<ReadOutcome> Read(HeapSink& sink, Wants wants) override {
    for (const auto& [key, value] : facts_) sink.OnFact({key, value});
    for (const auto& type : types_) {
      sink.OnType({.key = type.key, .name = type.name, .internal = type.internal});
    }
    for (const auto& [source, edge] : extras_) sink.OnReference(source, Referring(sink, edge));
    for (const auto& object : objects_) {
      const auto references = wants.references ? All(sink, object.edges) : std::vector<Reference>();
      sink.OnObject({.address = object.address,
                     .bytes = object.bytes,
                     .type = object.type,
                     .references = references,
                     .contents = {}});
    }
    for (const auto& holder : holders_) {
      const auto references = All(sink, holder.edges);
      sink.OnHolder(
          {.kind = holder.kind, .name = holder.name, .references = references, .contents = {}});
    }
    for (const auto& [kind, address] : roots_) sink.OnRoot(kind, address);
    return ReadOutcome{.bytes = objects_.size(), .damage = damage};
  }

  std::string damage;

 private:
  struct MadeType {
    TypeKey key;
    std::string name;
    bool internal;
  };
  struct MadeObject {
    uint64_t address, bytes;
    TypeKey type;
    std::vector<Edge> edges;
  };
  struct MadeHolder {
    std::string name;
    RootKind kind;
    std::vector<Edge> edges;
  };

  static Reference Referring(HeapSink& sink, const Edge& edge) {
    const Label label = edge.field.empty() ? Label(Label::Kind::kOffset, 0)
                                           : Label(Label::Kind::kName, sink.Intern(edge.field));
    return {.target = edge.target, .label = label};
  }
  static std::vector<Reference> All(HeapSink& sink, const std::vector<Edge>& edges) {
    std::vector<Reference> references;
    for (const Edge& edge : edges) references.push_back(Referring(sink, edge));
    return references;
  }

  std::vector<std::pair<std::string, std::string>> facts_;
  std::vector<MadeType> types_;
  std::vector<MadeObject> objects_;
  std::vector<MadeHolder> holders_;
  std::vector<std::pair<RootKind, uint64_t>> roots_;
  std::vector<std::pair<uint64_t, Edge>> extras_;
};

}  // namespace tidemark::heapgraph
