#include "v8heap/detached.h"

#include <algorithm>
#include <unordered_map>

#include "v8heap/classes.h"

namespace tidemark::v8heap {

using heapgraph::kNoObject;
using heapgraph::ObjectId;

Result<std::vector<DetachedClass>> DetachedClasses(const heapgraph::HeapGraph& graph,
                                                   const heapgraph::DominatorTree& tree,
                                                   heapgraph::Scratch& scratch) {
  std::vector<bool> detached_type;
  for (const auto& type : graph.types()) {
    detached_type.push_back(type.name.starts_with(kDetachedPrefix));
  }
  std::unordered_map<heapgraph::TypeId, DetachedClass> classes;
  uint64_t counted_until = 0;  // places below a detached one
  for (uint64_t place = 0; place < tree.order.size(); ++place) {
    scratch.BreatheAt(place);
    const ObjectId id = tree.order[place];
    if (graph.is_holder(id) || !detached_type[graph.type(id)]) continue;
    const bool counted = place < counted_until;
    if (!counted) counted_until = place + tree.extent[place];
    DetachedClass& row = classes[graph.type(id)];
    ++row.objects;
    row.bytes += graph.bytes(id);
    if (!counted) row.retained_bytes += tree.retained(place);
    if (row.example == kNoObject || tree.retained(place) > tree.retained_bytes(row.example)) {
      row.example = id;
    }
  }
  std::vector<DetachedClass> rows;
  for (auto& [type, row] : classes) {
    row.name = graph.types()[type].name;
    rows.push_back(std::move(row));
  }
  std::sort(rows.begin(), rows.end(), [](const DetachedClass& a, const DetachedClass& b) {
    return a.retained_bytes != b.retained_bytes ? a.retained_bytes > b.retained_bytes
                                                : a.name < b.name;
  });
  return rows;
}

}  // namespace tidemark::v8heap
