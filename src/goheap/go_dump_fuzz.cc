// Any bytes as a heap dump, read as both passes do: the same objects and holders in both.
#include <cstdlib>

#include "goheap/go_dump_reader.h"
#include "heapgraph/heap_events.h"

namespace {

using namespace tidemark;  // NOLINT: a program of one file

class Counts : public heapgraph::HeapSink {
 public:
  uint32_t Intern(std::string_view name) override { return static_cast<uint32_t>(name.size()); }
  void OnType(const heapgraph::TypeEvent& type) override { Touch(type.name); }
  void OnObject(const heapgraph::ObjectEvent& object) override {
    ++objects;
    bytes += object.bytes;
    for (const std::byte byte : object.contents) touched += static_cast<uint64_t>(byte);
    for (const auto& reference : object.references) {
      if (reference.label.number() + 8 > object.bytes) std::abort();
    }
  }
  void OnRoot(heapgraph::RootKind, uint64_t) override {}
  void OnHolder(const heapgraph::HolderEvent& holder) override {
    ++holders;
    Touch(holder.name);
  }
  void OnReference(uint64_t, const heapgraph::Reference&) override {}
  void OnFact(const heapgraph::FactEvent& fact) override { Touch(fact.value); }
  void OnProgress(uint64_t) override {}
  void Touch(std::string_view text) {
    for (const char c : text) touched += static_cast<uint64_t>(c);
  }
  uint64_t objects = 0, bytes = 0, holders = 0, touched = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto dump =
      goheap::OpenGoDump(BytesInMemory({reinterpret_cast<const std::byte*>(data), size}));
  Counts all, none;
  const auto with = dump->Read(all, {.references = true, .contents = true});
  const auto without = dump->Read(none, {.references = false, .contents = false});
  if (with.has_value() != without.has_value() || all.objects != none.objects ||
      all.bytes != none.bytes || all.holders != none.holders) {
    std::abort();
  }
  return 0;
}
