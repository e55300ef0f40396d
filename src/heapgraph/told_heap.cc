#include "heapgraph/told_heap.h"

#include <algorithm>

namespace tidemark::heapgraph {
namespace {

constexpr size_t kMaxHolders = size_t{4} << 20;
constexpr uint64_t kMaxObjects = (uint64_t{1} << 32) - (uint64_t{16} << 20);

}  // namespace

ToldHeap::ToldHeap(HeapGraph& graph, Scratch& scratch, const Progress& progress)
    : addresses(scratch),
      shapes(scratch),
      counts(scratch),
      rows(scratch),
      holder_rows(scratch),
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

Result<void> ToldHeap::ReserveObject() {
  if (addresses.size() >= kMaxObjects)
    return TooLarge("more than " + std::to_string(kMaxObjects) + " objects");
  TIDEMARK_RETURN_IF_ERROR(addresses.Reserve(1));
  TIDEMARK_RETURN_IF_ERROR(shapes.Reserve(1));
  return counts.Reserve(1);
}

void ToldHeap::OnObject(const ObjectEvent& object) {
  const uint64_t position = addresses.size(), address = object.address;
  if ((!counts.HasRoom(1) || position >= kMaxObjects) && status_) status_ = ReserveObject();
  if (!status_) return;
  scratch_.BreatheAt(position);
  if (object.bytes >= HeapGraph::kLargeBytes) [[unlikely]]
    large_bytes[address] = object.bytes;
  bytes += object.bytes;
  const uint64_t end = address + std::min(object.bytes, ~uint64_t{0} - address);
  runs.Add(address, addresses_are_ids_ ? address : end);
  const uint64_t references = AddRow(object.references, &rows);
  if (references >= kLargeCount) large_counts[position] = references;
  counts.Push(static_cast<uint16_t>(std::min<uint64_t>(references, kLargeCount)));
  addresses.Push(address);
  shapes.Push({static_cast<uint32_t>(std::min<uint64_t>(object.bytes, HeapGraph::kLargeBytes)),
               TypeOf(object.type)});
}

void ToldHeap::OnHolder(const HolderEvent& holder) {
  if (graph_.holders_.size() >= kMaxHolders) {
    ++graph_.losses_.holders_refused;
    return;
  }
  graph_.holders_.push_back({holder.kind, std::string(holder.name), holder.address});
  holder_counts.push_back(AddRow(holder.references, &holder_rows));
}

Result<void> ToldHeap::Rows::Reserve(uint64_t count) {
  if (targets.HasRoom(count) && labels.HasRoom(count)) return {};
  TIDEMARK_RETURN_IF_ERROR(targets.Reserve(count));
  return labels.Reserve(count);
}

// How many there are without those that are nil.
uint64_t ToldHeap::AddRow(std::span<const Reference> references, Rows* rows) {
  if (references.empty() || !status_) return 0;
  if (!rows->targets.HasRoom(references.size())) {
    status_ = rows->Reserve(references.size());
    if (!status_) return 0;
  }
  const uint64_t begin = rows->targets.size();
  for (const Reference& reference : references) {
    if (reference.target == 0) continue;
    rows->targets.Push(reference.target);
    rows->labels.Push(reference.label.bits());
    if (reference.target_type != 0) [[unlikely]]
      AddHint(reference);
  }
  return rows->targets.size() - begin;
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
  addresses_are_ids_ = graph_.fact(kAddressesAreIds.key) == kAddressesAreIds.value;
}

void ToldHeap::OnProgress(uint64_t done_bytes) {
  if (progress_) progress_("reading the heap", done_bytes, 0);
}

}  // namespace tidemark::heapgraph
