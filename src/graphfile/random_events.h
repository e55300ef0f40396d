// Events at random, of every kind and in any order, for round trips.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "heapgraph/heap_events.h"

namespace tidemark::graphfile {

class RandomEvents {
 public:
  explicit RandomEvents(uint64_t seed) : random_(seed) {}

  void Tell(size_t count, heapgraph::HeapSink& sink) {
    for (size_t i = 0; i < count; ++i) TellOne(sink);
  }

 private:
  uint64_t Below(uint64_t limit) { return random_() % limit; }
  // Mostly near the one before, sometimes anywhere.
  uint64_t Address() {
    address_ = Below(50) == 0 ? random_() : address_ + 8 * Below(64);
    return address_;
  }
  std::string Text(size_t limit) {
    std::string text(Below(limit), '\0');
    for (char& c : text) c = static_cast<char>(Below(256));
    return text;
  }
  heapgraph::Label Label(heapgraph::HeapSink& sink) {
    using heapgraph::Label;
    const auto kind = static_cast<Label::Kind>(Below(4));
    const bool named = kind == Label::Kind::kName || kind == Label::Kind::kHidden;
    return {kind, named            ? sink.Intern("name " + std::to_string(Below(40)))
                  : Below(20) == 0 ? random_()
                                   : 8 * Below(9)};
  }
  std::vector<heapgraph::Reference> References(heapgraph::HeapSink& sink, size_t limit) {
    std::vector<heapgraph::Reference> references(Below(limit));
    for (auto& reference : references) {
      reference.label = Label(sink);
      reference.target = Address();
      reference.target_type = Below(3) == 0 ? 0x400000 + 32 * Below(5) : 0;
    }
    return references;
  }

  void TellOne(heapgraph::HeapSink& sink) {
    switch (Below(40)) {
      case 0: {
        const std::string name = Text(30);
        return sink.OnType({random_(), name, Below(999), Below(2) == 0, Below(2) == 0});
      }
      case 1:
        return sink.OnRoot(static_cast<heapgraph::RootKind>(Below(7)), Address());
      case 2: {
        const auto references = References(sink, 50);
        const std::string name = Text(30);
        return sink.OnHolder({static_cast<heapgraph::RootKind>(Below(7)),
                              name,
                              Address(),
                              Below(999),
                              references,
                              {}});
      }
      case 3:
        return sink.OnReference(Address(), {Address(), Label(sink), Below(2) * 77});
      case 4: {
        const std::string key = Text(10), value = Text(100);
        return sink.OnFact({key, value});
      }
      default:
        return TellObject(sink);
    }
  }

  // Four in five repeat the shape of one before, so that columns come about.
  void TellObject(heapgraph::HeapSink& sink) {
    if (shapes_.size() < 4 || Below(5) == 0) {
      shapes_.push_back({16 * Below(40), Below(4) * 4096,
                         References(sink, Below(90) == 0 ? 200 : 6),
                         Below(3) == 0 ? 8 * Below(40) + Below(2) : 0, Below(2) == 0});
    }
    Shape& shape = shapes_[shapes_.size() - 1 - Below(std::min<size_t>(4, shapes_.size()))];
    for (auto& reference : shape.references) reference.target = Address();
    const std::string contents = Text(2) + std::string(shape.contents_bytes, 'c');
    sink.OnObject({Address(), shape.bytes, shape.type, shape.references,
                   std::as_bytes(std::span(contents)).first(shape.contents_bytes),
                   shape.pointer_free});
  }

  struct Shape {
    uint64_t bytes;
    uint64_t type;
    std::vector<heapgraph::Reference> references;  // of sinks' numbers: one sink only
    size_t contents_bytes;
    bool pointer_free;
  };
  std::mt19937_64 random_;
  uint64_t address_ = 0xc000000000;
  std::vector<Shape> shapes_;
};

}  // namespace tidemark::graphfile
