// A graph-only file, whole, or (first byte odd) a block of one as it is once inflated: mutations
// get past the checksums only so.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "graphfile/block.h"
#include "graphfile/graph_reader.h"
#include "graphfile/records.h"

namespace {

using namespace tidemark;             // NOLINT: a program of one file
using namespace tidemark::graphfile;  // NOLINT

class CountingSink : public heapgraph::HeapSink {
 public:
  uint32_t Intern(std::string_view) override { return names++; }
  void OnType(const heapgraph::TypeEvent&) override {}
  void OnObject(const heapgraph::ObjectEvent& object) override {
    for (const auto& reference : object.references) sum += reference.target;
    for (const auto byte : object.contents) sum += static_cast<uint64_t>(byte);
  }
  void OnRoot(heapgraph::RootKind, uint64_t address) override { sum += address; }
  void OnHolder(const heapgraph::HolderEvent& holder) override { sum += holder.name.size(); }
  void OnReference(uint64_t source, const heapgraph::Reference&) override { sum += source; }
  void OnFact(const heapgraph::FactEvent& fact) override { sum += fact.value.size(); }
  void OnProgress(uint64_t) override {}
  uint64_t sum = 0;
  uint32_t names = 0;
};

// What was decoded is encoded and decoded again: the same rows.
void RoundTrip(std::string_view bytes) {
  Block block, again;
  if (!DecodeBlock(bytes, {}, block)) return;
  std::string raw;
  EncodeBlock(block, raw);
  if (!DecodeBlock(raw, {}, again)) std::abort();
  if (again.ops != block.ops || again.addresses != block.addresses ||
      again.targets != block.targets || again.contents != block.contents ||
      again.labels != block.labels || again.target_types != block.target_types) {
    std::abort();
  }
  CountingSink sink;
  RecordReader records(sink, {});
  records.BeginBlock(block.records);
  for (const uint32_t op : block.ops) {
    if (op < kFirstShape && !records.Tell(op)) return;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::span<const std::byte> bytes = std::as_bytes(std::span(data + 1, size - 1));
  if (data[0] % 2 == 1) {
    RoundTrip({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    return 0;
  }
  const auto source = GraphFileSource::Open(BytesInMemory(bytes));
  if (!source) return 0;
  CountingSink sink;
  for (const bool wanted : {true, false}) {
    const auto outcome = (*source)->Read(sink, {.references = wanted, .contents = wanted});
    if (outcome && outcome->bytes > bytes.size()) std::abort();
  }
  return 0;
}
