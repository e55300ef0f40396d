#include "heapgraph/dominators.h"
#include "v8heap/snapshot_reader.h"

// Whatever the bytes are, they end in an error or in a graph whose sums are right.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tidemark;
  auto source = v8heap::OpenV8Snapshot(BytesInMemory(std::as_bytes(std::span(data, size))));
  if (!source) return 0;
  heapgraph::HeapScratch scratch;
  const auto graph = heapgraph::BuildGraph(**source, scratch);
  if (!graph) return 0;
  const auto tree = heapgraph::ComputeDominators(**graph, scratch);
  if (!tree) return 0;
  if (tree->garbage_objects != 0) __builtin_trap();  // what nothing holds is held weakly
  if (tree->reachable_objects + (*graph)->holder_count() != (*graph)->size()) __builtin_trap();
  return 0;
}
