#include "heapgraph/object_pass.h"

#include <algorithm>

namespace tidemark::heapgraph {
namespace {

constexpr uint32_t kLarge = ~0u;
constexpr size_t kMaxHolders = size_t{4} << 20;
constexpr uint64_t kMaxObjects = (uint64_t{1} << 32) - (uint64_t{16} << 20);

}  // namespace

ObjectPass::ObjectPass(HeapGraph& graph, NameTable& names, Scratch& scratch,
                       const Progress& progress)
    : graph_(graph), names_(names), scratch_(scratch), progress_(progress), records_(scratch) {
  graph_.AddType({});
}

void ObjectPass::OnType(const TypeEvent& type) {
  graph_.AddType({type.key, std::string(type.name), type.bytes, type.internal});
}

TypeId ObjectPass::TypeOf(TypeKey key) {
  if (key == 0) return 0;
  auto& recent = recent_[(key ^ key >> 10 ^ key >> 20) % std::size(recent_)];
  if (recent.key != key) recent = {key, graph_.AddType({key, "", 0, false})};
  return recent.id;
}

void ObjectPass::OnObject(const ObjectEvent& object) {
  if (!status_) return;
  scratch_.BreatheAt(records_.size());
  status_ = records_.Reserve(1);
  if (!status_) return;
  if (records_.size() >= kMaxObjects) {
    status_ = TooLarge("more than " + std::to_string(kMaxObjects) + " objects");
    return;
  }
  uint32_t bytes = static_cast<uint32_t>(object.bytes);
  if (object.bytes >= kLarge) {
    bytes = kLarge;
    large_bytes_[object.address] = object.bytes;
  }
  records_.Push({object.address, bytes, TypeOf(object.type)});
}

void ObjectPass::OnHolder(const HolderEvent& holder) {
  if (graph_.holders_.size() >= kMaxHolders) {
    ++graph_.losses_.holders_refused;
    return;
  }
  graph_.holders_.push_back({holder.kind, std::string(holder.name), holder.address});
}

void ObjectPass::OnFact(const FactEvent& fact) {
  graph_.facts_.insert_or_assign(std::string(fact.key), std::string(fact.value));
}

void ObjectPass::OnProgress(uint64_t done_bytes) {
  if (progress_) progress_("reading objects", done_bytes, 0);
}

// Leaves the first of each group that overlaps, and says how many it left out.
Result<void> ObjectPass::DropOverlapping(Array<ObjectRecord>* records) {
  const bool ids = graph_.fact(kAddressesAreIds.key) == kAddressesAreIds.value;
  uint64_t kept = 0, end = 0;
  for (uint64_t i = 0; i < records->size(); ++i) {
    scratch_.BreatheAt(i);
    const ObjectRecord& record = (*records)[i];
    if (kept > 0 && (record.address < end || record.address == (*records)[kept - 1].address)) {
      ++graph_.losses_.overlapping_objects;
      continue;
    }
    const uint64_t bytes =
        record.bytes == kLarge ? large_bytes_.at(record.address) : uint64_t{record.bytes};
    end = ids ? record.address : record.address + std::min(bytes, ~uint64_t{0} - record.address);
    if (kept != i) (*records)[kept] = record;  // what stays is not written to disk again
    ++kept;
  }
  return kept == records->size() ? Result<void>() : records->Resize(kept);
}

Result<void> ObjectPass::FillGraph(const Array<ObjectRecord>& records) {
  const uint64_t holders = graph_.holders_.size(), size = holders + records.size();
  TIDEMARK_ASSIGN_OR_RETURN(graph_.address_, Array<uint64_t>::Make(scratch_, size));
  TIDEMARK_ASSIGN_OR_RETURN(graph_.shape_, Array<HeapGraph::Shape>::Make(scratch_, size));
  for (uint64_t i = 0; i < holders; ++i) graph_.address_[i] = graph_.holders_[i].address;
  for (uint64_t i = 0; i < records.size(); ++i) {
    graph_.address_[holders + i] = records[i].address;
    graph_.shape_[holders + i] = {records[i].bytes, records[i].type};
    if (records[i].bytes == kLarge) {
      graph_.large_bytes_[static_cast<ObjectId>(holders + i)] = large_bytes_.at(records[i].address);
    }
    scratch_.BreatheAt(i);
  }
  return {};
}

Result<void> ObjectPass::Finish(const ReadOutcome& outcome, std::string_view format) {
  TIDEMARK_RETURN_IF_ERROR(status_);
  graph_.damage_ = outcome.damage;
  graph_.format_ = format;
  TIDEMARK_ASSIGN_OR_RETURN(auto records, records_.Finish());
  TIDEMARK_RETURN_IF_ERROR(SortByAddress(&records, scratch_));
  TIDEMARK_RETURN_IF_ERROR(DropOverlapping(&records));
  TIDEMARK_RETURN_IF_ERROR(FillGraph(records));
  records.Reset();
  TIDEMARK_ASSIGN_OR_RETURN(
      graph_.index_,
      AddressIndex::Make(graph_.address_.span().subspan(graph_.holders_.size()), scratch_));
  return {};
}

}  // namespace tidemark::heapgraph
