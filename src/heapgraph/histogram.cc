#include "heapgraph/histogram.h"

#include <algorithm>

namespace tidemark::heapgraph {
namespace {

constexpr uint64_t kAhead = 24;  // objects for which memory is asked before they are counted

}  // namespace

// In the dominator tree's preorder what an object dominates lies right behind it: within the last
// subtree that began with an object of a type, further objects of the type are retained by it.
Result<std::vector<TypeRow>> TypeHistogram(const HeapGraph& graph, const DominatorTree& tree,
                                           Scratch& scratch) {
  std::vector<TypeRow> rows(graph.types().size());
  for (TypeId type = 0; type < rows.size(); ++type) rows[type].type = type;
  std::vector<uint64_t> retained_until(rows.size(), 0);  // places in the order
  const auto order = tree.order.span();
  for (uint64_t place = 0; place < order.size(); ++place) {
    scratch.BreatheAt(place);
    if (place + kAhead < order.size()) graph.PrefetchShape(order[place + kAhead]);
    const ObjectId id = order[place];
    if (graph.is_holder(id)) continue;
    TypeRow& row = rows[graph.type(id)];
    ++row.objects;
    row.bytes += graph.bytes(id);
    if (place < retained_until[row.type]) continue;
    retained_until[row.type] = place + tree.extent[place];
    row.retained_bytes += tree.retained(place);
  }
  std::erase_if(rows, [](const TypeRow& row) { return row.objects == 0; });
  std::sort(rows.begin(), rows.end(), [](const TypeRow& a, const TypeRow& b) {
    if (a.retained_bytes != b.retained_bytes) return a.retained_bytes > b.retained_bytes;
    return a.bytes != b.bytes ? a.bytes > b.bytes : a.type < b.type;
  });
  return rows;
}

}  // namespace tidemark::heapgraph
