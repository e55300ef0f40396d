// A HeapSink that writes down what it hears, one line an event, names as text: for tests that hold
// two tellings against each other.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "heapgraph/heap_events.h"

namespace tidemark::graphfile {

class EventText : public heapgraph::HeapSink {
 public:
  uint32_t Intern(std::string_view name) override {
    for (size_t i = 0; i < names_.size(); ++i) {
      if (names_[i] == name) return static_cast<uint32_t>(i);
    }
    names_.emplace_back(name);
    return static_cast<uint32_t>(names_.size() - 1);
  }
  void OnType(const heapgraph::TypeEvent& type) override {
    lines.push_back("type " + Number(type.key) + Number(type.bytes) + Number(type.internal) +
                    Number(type.interface_data_is_pointer) + std::string(type.name));
  }
  void OnObject(const heapgraph::ObjectEvent& object) override {
    lines.push_back("object " + Number(object.address) + Number(object.bytes) +
                    Number(object.type) + Number(object.pointer_free) + Links(object.references) +
                    "'" + Text(object.contents) + "'");
  }
  void OnRoot(heapgraph::RootKind kind, uint64_t address) override {
    lines.push_back("root " + Number(static_cast<uint64_t>(kind)) + Number(address));
  }
  void OnHolder(const heapgraph::HolderEvent& holder) override {
    lines.push_back("holder " + Number(static_cast<uint64_t>(holder.kind)) +
                    Number(holder.address) + Number(holder.bytes) + Links(holder.references) +
                    std::string(holder.name) + Text(holder.contents));
  }
  void OnReference(uint64_t source, const heapgraph::Reference& reference) override {
    lines.push_back("reference " + Number(source) + Links({&reference, 1}));
  }
  void OnFact(const heapgraph::FactEvent& fact) override {
    lines.push_back("fact " + std::string(fact.key) + "=" + std::string(fact.value));
  }
  void OnProgress(uint64_t) override {}

  std::vector<std::string> lines;

 private:
  static std::string Number(uint64_t number) { return std::to_string(number) + " "; }
  static std::string Text(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  std::string Links(std::span<const heapgraph::Reference> references) const {
    using heapgraph::Label;
    std::string text = "[";
    for (const auto& reference : references) {
      const Label label = reference.label;
      const bool named = label.kind() == Label::Kind::kName || label.kind() == Label::Kind::kHidden;
      text += std::to_string(static_cast<int>(label.kind())) + ":" +
              (named ? names_.at(label.number()) : std::to_string(label.number())) + ">" +
              Number(reference.target) + Number(reference.target_type);
    }
    return text + "]";
  }
  std::vector<std::string> names_;
};

}  // namespace tidemark::graphfile
