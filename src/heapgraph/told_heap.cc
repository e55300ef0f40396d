#include "heapgraph/told_heap.h"

namespace tidemark::heapgraph {
namespace {

constexpr size_t kMaxHolders = size_t{4} << 20;
constexpr uint64_t kMaxObjects = (uint64_t{1} << 32) - (uint64_t{16} << 20);

}  // namespace

ToldHeap::ToldHeap(HeapGraph& graph, Scratch& scratch, const Progress& progress)
    : objects(scratch),
      targets(scratch),
      labels(scratch),
      hints(scratch),
      extras(scratch),
      roots(scratch),
      graph_(graph),
      scratch_(scratch),
      progress_(progress) {
  graph_.AddType({});
}

void ToldHeap::OnType(const TypeEvent& type) {
  graph_.AddType({type.key, std::string(type.name), type.bytes, type.internal});
}

TypeId ToldHeap::TypeOf(TypeKey key) {
  if (key == 0) return 0;
  auto& recent = recent_[(key ^ key >> 10 ^ key >> 20) % std::size(recent_)];
  if (recent.key != key) recent = {key, graph_.AddType({key, "", 0, false})};
  return recent.id;
}

void ToldHeap::OnObject(const ObjectEvent& object) {
  if (!objects.HasRoom(1) && status_) status_ = objects.Reserve(1);
  if (!status_) return;
  scratch_.BreatheAt(objects.size());
  if (objects.size() >= kMaxObjects) {
    status_ = TooLarge("more than " + std::to_string(kMaxObjects) + " objects");
    return;
  }
  uint32_t bytes = static_cast<uint32_t>(object.bytes);
  if (object.bytes >= kLarge) {
    bytes = kLarge;
    large_bytes[object.address] = object.bytes;
  }
  runs.Add(object.address);
  objects.Push({object.address, AddRow(object.references), bytes, TypeOf(object.type)});
}

void ToldHeap::OnHolder(const HolderEvent& holder) {
  if (graph_.holders_.size() >= kMaxHolders) {
    ++graph_.losses_.holders_refused;
    return;
  }
  graph_.holders_.push_back({holder.kind, std::string(holder.name), holder.address});
  holder_rows.push_back(AddRow(holder.references));
}

// A row without those that are nil.
uint64_t ToldHeap::AddRow(std::span<const Reference> references) {
  if (references.empty() || !status_) return 0;
  if (!targets.HasRoom(references.size())) {
    status_ = targets.Reserve(references.size());
    if (status_) status_ = labels.Reserve(references.size());
    if (!status_) return 0;
  }
  const uint64_t begin = targets.size();
  for (const Reference& reference : references) {
    if (reference.target == 0) continue;
    targets.Push(reference.target);
    labels.Push(reference.label.bits());
    if (reference.target_type != 0) [[unlikely]]
      AddHint(reference);
  }
  const uint64_t count = targets.size() - begin;
  if (count >= HeapGraph::kLargeCount) large_rows[begin] = count;
  return HeapGraph::PackedRow(begin, count);
}

void ToldHeap::AddHint(const Reference& reference) {
  if (status_) status_ = hints.Reserve(1);
  if (status_) hints.Push({reference.target, reference.target_type});
}

void ToldHeap::OnReference(uint64_t source, const Reference& reference) {
  if (status_) status_ = extras.Reserve(1);
  if (!status_) return;
  extras.Push({source, reference.target, reference.label.bits()});
  if (reference.target_type != 0) AddHint(reference);
}

void ToldHeap::OnRoot(RootKind kind, uint64_t address) {
  if (status_) status_ = roots.Reserve(1);
  if (status_) roots.Push({address, kind});
}

void ToldHeap::OnFact(const FactEvent& fact) {
  graph_.facts_.insert_or_assign(std::string(fact.key), std::string(fact.value));
}

void ToldHeap::OnProgress(uint64_t done_bytes) {
  if (progress_) progress_("reading the heap", done_bytes, 0);
}

}  // namespace tidemark::heapgraph
