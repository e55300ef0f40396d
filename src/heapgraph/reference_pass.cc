#include "heapgraph/reference_pass.h"

#include <algorithm>

namespace tidemark::heapgraph {
namespace {

constexpr size_t kBatch = 1 << 14;  // references
constexpr size_t kPiece = 1 << 5;   // of a batch, looked up between two breaths

}  // namespace

ReferencePass::ReferencePass(HeapGraph& graph, NameTable& names, Scratch& scratch,
                             const Progress& progress, uint64_t source_bytes)
    : graph_(graph),
      names_(names),
      scratch_(scratch),
      progress_(progress),
      source_bytes_(source_bytes),
      next_object_(graph.holder_count()),
      extras_(scratch),
      told_roots_(scratch),
      target_(scratch),
      label_(scratch) {
  auto rows = Array<uint64_t>::Make(scratch, graph_.size());
  if (rows) {
    graph_.row_ = std::move(*rows);
  } else {
    status_ = rows.error();
  }
}

void ReferencePass::OnProgress(uint64_t done_bytes) {
  if (progress_) progress_("reading references", done_bytes, source_bytes_);
}

ObjectId ReferencePass::SourceAt(uint64_t address) {
  // Most sources tell their objects in the order of addresses.
  if (next_object_ < graph_.size() && graph_.address_[next_object_] == address) {
    return next_object_++;
  }
  const AddressIndex::Found found = graph_.index_.Find(address);
  if (!found.begins) return kNoObject;
  const ObjectId id = found.at_or_before + graph_.holder_count();
  next_object_ = id + 1;
  return id;
}

void ReferencePass::OnObject(const ObjectEvent& object) {
  if (object.references.empty()) return;
  const ObjectId source = SourceAt(object.address);
  if (source != kNoObject) AddRow(source, object.references);
}

void ReferencePass::OnHolder(const HolderEvent& holder) {
  if (next_holder_ < graph_.holder_count()) AddRow(next_holder_++, holder.references);
}

void ReferencePass::OnReference(uint64_t source, const Reference& reference) {
  const ObjectId id = SourceAt(source);
  if (id == kNoObject) {
    ++graph_.losses_.unknown_sources;
    return;
  }
  if (status_) status_ = extras_.Reserve(1);
  if (!status_) return;
  extras_.Push({id, reference.label.bits(), reference.target, reference.target_type});
}

void ReferencePass::OnRoot(RootKind kind, uint64_t address) {
  if (status_) status_ = told_roots_.Reserve(1);
  if (status_) told_roots_.Push({address, kind});
}

void ReferencePass::AddRow(ObjectId source, std::span<const Reference> references) {
  if (!status_) return;
  for (const Reference& reference : references) {
    if (reference.target != 0) references_.push_back(reference);
  }
  rows_.push_back({source, static_cast<uint32_t>(references_.size())});
  if (references_.size() >= kBatch || rows_.size() >= kBatch) ResolveBatch();
}

void ReferencePass::LearnType(ObjectId target, const Reference& reference) {
  if (graph_.type(target) == 0 && graph_.address_[target] == reference.target) {
    graph_.SetType(target, graph_.AddType({reference.target_type, "", 0, false}));
  }
}

void ReferencePass::ResolveBatch() {
  addresses_.clear();
  for (const Reference& reference : references_) addresses_.push_back(reference.target);
  found_.resize(addresses_.size());
  const size_t piece = scratch_.spills() ? kPiece : kBatch;
  for (size_t begin = 0; begin < addresses_.size(); begin += piece) {
    scratch_.Breathe();
    const size_t count = std::min(piece, addresses_.size() - begin);
    graph_.index_.Find(std::span(addresses_).subspan(begin, count), &found_[begin]);
  }
  status_ = target_.Reserve(references_.size());
  if (status_) status_ = label_.Reserve(references_.size());
  size_t next = 0;
  for (const Row& row : rows_) {
    if (!status_) break;
    const uint64_t begin = target_.size();
    for (; next < row.end; ++next) {
      scratch_.BreatheAt(next);
      const Reference& reference = references_[next];
      const ObjectId target = graph_.Covering(reference.target, found_[next]);
      if (target == kNoObject) {
        ++graph_.losses_.dangling_references;
        continue;
      }
      if (reference.target_type != 0) LearnType(target, reference);
      if (target == row.source) continue;
      target_.Push(target);
      label_.Push(reference.label.bits());
    }
    if (graph_.row_[row.source] != 0) continue;  // an object told twice: the first counts
    graph_.SetRow(row.source, begin, target_.size() - begin);
  }
  rows_.clear();
  references_.clear();
}

// Rows with further references are written once more, behind the others.
Result<void> ReferencePass::AddExtras() {
  const auto extras = extras_.span();
  std::stable_sort(extras.begin(), extras.end(),
                   [](const Extra& a, const Extra& b) { return a.source < b.source; });
  for (size_t i = 0; i < extras_.size();) {
    const ObjectId source = extras_[i].source;
    const uint64_t begin = graph_.row_[source] >> HeapGraph::kCountBits;
    const uint64_t count = graph_.edge_count(source);
    const uint64_t new_begin = target_.size();
    TIDEMARK_RETURN_IF_ERROR(target_.Reserve(count));
    TIDEMARK_RETURN_IF_ERROR(label_.Reserve(count));
    for (uint64_t edge = begin; edge < begin + count; ++edge) {
      target_.Push(target_[edge]);
      label_.Push(label_[edge]);
    }
    for (; i < extras_.size() && extras_[i].source == source; ++i) {
      const Extra& extra = extras_[i];
      const ObjectId target = graph_.Find(extra.target);
      if (target == kNoObject) ++graph_.losses_.dangling_references;
      if (target == kNoObject || target == source) continue;
      if (extra.target_type != 0) LearnType(target, {extra.target, {}, extra.target_type});
      TIDEMARK_RETURN_IF_ERROR(target_.Reserve(1));
      TIDEMARK_RETURN_IF_ERROR(label_.Reserve(1));
      target_.Push(target);
      label_.Push(extra.label);
    }
    graph_.SetRow(source, new_begin, target_.size() - new_begin);
  }
  return {};
}

void ReferencePass::AddRoots() {
  for (ObjectId id = 0; id < graph_.holder_count(); ++id) {
    graph_.roots_.push_back({id, graph_.holders_[id].kind});
  }
  std::vector<Root> told;
  for (const ToldRoot& root : told_roots_.span()) {
    const ObjectId id = graph_.Find(root.address);
    if (id == kNoObject) {
      ++graph_.losses_.unknown_sources;
    } else {
      told.push_back({id, root.kind});
    }
  }
  std::stable_sort(told.begin(), told.end(),
                   [](const Root& a, const Root& b) { return a.object < b.object; });
  for (const Root& root : told) {
    if (graph_.roots_.empty() || graph_.roots_.back().object != root.object) {
      graph_.roots_.push_back(root);
    }
  }
}

Result<void> ReferencePass::Finish() {
  if (status_) ResolveBatch();
  TIDEMARK_RETURN_IF_ERROR(status_);
  TIDEMARK_RETURN_IF_ERROR(AddExtras());
  AddRoots();
  for (ObjectId id = 0; id < graph_.size(); ++id) {
    scratch_.BreatheAt(id);
    graph_.edges_ += graph_.edge_count(id);
  }
  TIDEMARK_ASSIGN_OR_RETURN(graph_.target_, target_.Finish());
  TIDEMARK_ASSIGN_OR_RETURN(graph_.label_, label_.Finish());
  graph_.losses_.names_refused = names_.refused();
  graph_.names_ = names_.TakeNames();
  return {};
}

}  // namespace tidemark::heapgraph
