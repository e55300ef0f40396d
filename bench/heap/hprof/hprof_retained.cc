// Dominators and retained sizes of an HPROF dump, and no more of an analysis: what keeps most, as
// the graph names it.
#include <cstdio>
#include <map>

#include "heapgraph/dominators.h"
#include "hprof/hprof_reader.h"

namespace tidemark {
namespace {

using heapgraph::DominatorTree;
using heapgraph::HeapGraph;

void Print(const HeapGraph& graph, const DominatorTree& tree) {
  constexpr size_t kRows = 20;
  std::multimap<uint64_t, uint64_t> largest;  // places by what they retain
  for (const uint64_t place : tree.top_level()) {
    if (largest.size() == kRows && tree.retained(place) <= largest.begin()->first) continue;
    largest.emplace(tree.retained(place), place);
    if (largest.size() > kRows) largest.erase(largest.begin());
  }
  for (auto row = largest.rbegin(); row != largest.rend(); ++row) {
    const auto id = tree.order[row->second];
    const std::string& name =
        graph.is_holder(id) ? graph.holder(id).name : graph.types()[graph.type(id)].name;
    std::printf("%15llu  %s\n", static_cast<unsigned long long>(row->first), name.c_str());
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
