#include "goheap/go_arrays.h"

#include <algorithm>

#include "goheap/go_layouts.h"

namespace tidemark::goheap {
namespace {

using heapgraph::HeapGraph;
using heapgraph::Label;
using heapgraph::ObjectId;
using heapgraph::TypeId;

constexpr size_t kLeastPointers = 16;
constexpr uint64_t kWord = 8;

// The one type of all that `id` points to; 0: there is none.
TypeId OneTarget(const HeapGraph& graph, ObjectId id) {
  const auto targets = graph.targets(id);
  if (targets.size() < kLeastPointers) return 0;
  const TypeId type = graph.type(targets[0]);
  const bool one = std::all_of(targets.begin(), targets.end(), [&](ObjectId target) {
    return !graph.is_holder(target) && graph.type(target) == type;
  });
  return one ? type : 0;
}

bool IsDense(const HeapGraph& graph, ObjectId id) {
  uint64_t first = Label::kMaxNumber, last = 0;
  for (const uint32_t bits : graph.labels(id)) {
    const Label label = Label::FromBits(bits);
    if (label.kind() != Label::Kind::kOffset) return false;
    first = std::min<uint64_t>(first, label.number());
    last = std::max<uint64_t>(last, label.number());
  }
  const uint64_t words = (last - first) / kWord + 1;
  return last < Label::kMaxNumber && 2 * graph.labels(id).size() > words + 1;
}

// Values of the type are not pointers themselves, as maps and channels are, nor inside of one.
bool IsPlain(const heapgraph::Type& type) {
  return type.key != 0 && !type.internal && DescriptorOf(type.key) == type.key &&
         PartOf(type.key) == GoPart{};
}

}  // namespace

uint64_t NamePointerArrays(HeapGraph& graph, heapgraph::Scratch& scratch) {
  uint64_t named = 0;
  for (ObjectId id = 0; id < graph.object_count(); ++id) {
    scratch.BreatheAt(id);
    if (graph.type(id) != 0) continue;
    const TypeId target = OneTarget(graph, id);
    if (target == 0 || !IsDense(graph, id)) continue;
    const heapgraph::Type type = graph.types()[target];
    if (!IsPlain(type)) continue;
    graph.SetType(id, graph.AddType({.key = PartKey(GoPart::kArrayOfPointers, type.key),
                                     .name = "[]*" + type.name,
                                     .bytes = kWord}));
    ++named;
  }
  return named;
}

}  // namespace tidemark::goheap
