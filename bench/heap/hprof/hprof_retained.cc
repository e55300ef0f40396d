// Dominators and retained sizes of an HPROF dump, and no more of an analysis: what keeps most, as
// the graph names it.
#include <algorithm>
#include <cstdio>
#include <vector>

#include "heapgraph/dominators.h"
#include "hprof/hprof_reader.h"

namespace tidemark {
namespace {

using heapgraph::DominatorTree;
using heapgraph::HeapGraph;

void Print(const HeapGraph& graph, const DominatorTree& tree) {
  constexpr size_t kRows = 20;
  std::vector<uint64_t> largest;  // places
  for (const uint64_t place : tree.top_level()) largest.push_back(place);
  const size_t shown = std::min(kRows, largest.size());
  std::partial_sort(largest.begin(), largest.begin() + static_cast<ptrdiff_t>(shown), largest.end(),
                    [&](uint64_t a, uint64_t b) { return tree.retained[a] > tree.retained[b]; });
  for (size_t i = 0; i < shown; ++i) {
    const auto id = tree.order[largest[i]];
    const std::string& name =
        graph.is_holder(id) ? graph.holder(id).name : graph.types()[graph.type(id)].name;
    std::printf("%15llu  %s\n", static_cast<unsigned long long>(tree.retained[largest[i]]),
                name.c_str());
  }
  std::printf("%llu objects reachable, %llu bytes; %llu garbage\n",
              static_cast<unsigned long long>(tree.reachable_objects),
              static_cast<unsigned long long>(tree.reachable_bytes),
              static_cast<unsigned long long>(tree.garbage_objects));
}

Result<void> Run(const char* path) {
  heapgraph::HeapScratch scratch;
  TIDEMARK_ASSIGN_OR_RETURN(auto bytes, OpenByteSource(path));
  TIDEMARK_ASSIGN_OR_RETURN(auto dump, OpenHprof(std::move(bytes)));
  TIDEMARK_ASSIGN_OR_RETURN(const auto graph, BuildGraph(*dump, scratch));
  TIDEMARK_ASSIGN_OR_RETURN(const auto tree, ComputeDominators(*graph, scratch));
  Print(*graph, tree);
  return {};
}

}  // namespace
}  // namespace tidemark

int main(int count, char** arguments) {
  if (count != 2) {
    std::fprintf(stderr, "usage: %s DUMP\n", arguments[0]);
    return 2;
  }
  const auto status = tidemark::Run(arguments[1]);
  if (!status) std::fprintf(stderr, "%s\n", status.error().message.c_str());
  return status ? 0 : 1;
}
