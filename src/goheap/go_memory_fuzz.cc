// ELF cores with a Go heap in them: the first byte chooses the Go version, the rest is the core.
// Reads it twice, as the graph's builder does.
#include <cstdlib>

#include "goheap/elf_core.h"
#include "goheap/go_memory_builder.h"
#include "goheap/go_memory_source.h"

namespace {

using namespace tidemark;

// Counts what it is told; every reading of one core must tell as much.
class Count : public heapgraph::HeapSink {
 public:
  uint32_t Intern(std::string_view) override { return 0; }
  void OnType(const heapgraph::TypeEvent&) override {}
  void OnObject(const heapgraph::ObjectEvent& event) override {
    ++objects_;
    references_ += event.references.size();
    for (const std::byte byte : event.contents) sum_ += std::to_integer<unsigned>(byte);
  }
  void OnRoot(heapgraph::RootKind, uint64_t) override {}
  void OnHolder(const heapgraph::HolderEvent& event) override {
    ++objects_;
    references_ += event.references.size();
  }
  void OnReference(uint64_t, const heapgraph::Reference&) override {}
  void OnFact(const heapgraph::FactEvent&) override {}
  void OnProgress(uint64_t) override {}
  bool operator==(const Count& other) const {
    return objects_ == other.objects_ && references_ == other.references_ && sum_ == other.sum_;
  }

 private:
  uint64_t objects_ = 0, references_ = 0, sum_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const auto program = goheap::GoMemoryBuilder::ProgramOf(19 + data[0] % 9);
  const auto core = goheap::ElfCore::Parse(std::as_bytes(std::span(data + 1, size - 1)));
  if (!core) return 0;
  const goheap::MemoryImage& image = (*core)->image();
  auto tables =
      goheap::ReadGoHeapTables(image, program.layout, program.addresses, (*core)->notes().threads);
  if (!tables) return 0;
  goheap::GoMemorySource source("go core", program, std::move(*tables), image, image, nullptr,
                                (*core)->damage());
  Count first, second;
  if (!source.Read(first, {}) || !source.Read(second, {})) std::abort();
  if (!(first == second)) std::abort();
  return 0;
}
