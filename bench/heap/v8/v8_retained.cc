// Every node of a heap snapshot: "id bytes retained class", a line each; phases with their times,
// on the standard error. For the bench beside it and for tests/e2e/heap/node_test.py.
//
//   v8_retained SNAPSHOT > nodes.txt
#include <sys/resource.h>

#include <chrono>
#include <cstdio>

#include "heapgraph/dominators.h"
#include "v8heap/snapshot_reader.h"

namespace {

using Clock = std::chrono::steady_clock;

class Phases {
 public:
  void Ended(const char* what) {
    const auto now = Clock::now();
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    std::fprintf(stderr, "%-12s %8.3f s, peak %ld MiB\n", what,
                 std::chrono::duration<double>(now - begin_).count(), usage.ru_maxrss / 1024);
    begin_ = now;
  }

 private:
  Clock::time_point begin_ = Clock::now();
};

int Fail(const tidemark::Error& error) {
  std::fprintf(stderr, "v8_retained: %s\n", error.message.c_str());
  return 1;
}

}  // namespace

int main(int count, char** arguments) {
  using namespace tidemark;
  if (count != 2) {
    std::fprintf(stderr, "usage: v8_retained SNAPSHOT\n");
    return 2;
  }
  Phases phases;
  auto bytes = OpenByteSource(arguments[1]);
  if (!bytes) return Fail(bytes.error());
  auto source = v8heap::OpenV8Snapshot(std::move(*bytes));
  if (!source) return Fail(source.error());
  heapgraph::HeapScratch scratch;
  auto built = heapgraph::BuildGraph(**source, scratch);
  if (!built) return Fail(built.error());
  const heapgraph::HeapGraph& graph = **built;
  phases.Ended("graph");
  const auto tree = heapgraph::ComputeDominators(graph, scratch);
  if (!tree) return Fail(tree.error());
  phases.Ended("dominators");
  for (heapgraph::ObjectId id = 0; id < graph.object_count(); ++id) {
    std::printf("%lu %lu %lu %s\n", graph.address(id), graph.bytes(id), tree->retained_bytes(id),
                graph.types()[graph.type(id)].name.c_str());
  }
  return 0;
}
