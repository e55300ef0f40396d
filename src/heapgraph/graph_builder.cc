#include "heapgraph/graph_builder.h"

#include <algorithm>
#include <future>

namespace tidemark::heapgraph {
namespace {

constexpr uint64_t kBatch = 1 << 14;       // references looked up together
constexpr uint64_t kPiece = 1 << 5;        // of them, between two breaths
constexpr uint64_t kFewObjects = 1 << 16;  // not worth a second thread

uint64_t BeginOf(uint64_t row) { return row >> HeapGraph::kCountBits; }

}  // namespace

Result<void> GraphBuilder::Build() {
  TIDEMARK_RETURN_IF_ERROR(told_.status());
  TIDEMARK_RETURN_IF_ERROR(NumberObjects());
  TIDEMARK_RETURN_IF_ERROR(ResolveRows());
  LearnTypes();
  AddRoots();
  graph_.losses_.names_refused = told_.names.refused();
  graph_.names_ = told_.names.TakeNames();
  return {};
}

Result<void> GraphBuilder::NumberObjects() {
  TIDEMARK_ASSIGN_OR_RETURN(ids_, Numbering(graph_, told_, scratch_).Number());
  TIDEMARK_ASSIGN_OR_RETURN(
      graph_.index_,
      AddressIndex::Make(graph_.address_.span().first(graph_.object_count()), scratch_));
  return {};
}

Result<void> GraphBuilder::ResolveRows() {
  const uint64_t of_extras = OrderExtras();
  TIDEMARK_ASSIGN_OR_RETURN(const uint64_t holders_begin, AppendHolders());
  TIDEMARK_RETURN_IF_ERROR(told_.rows.labels.Reserve(of_extras));
  TIDEMARK_ASSIGN_OR_RETURN(graph_.row_, Array<uint64_t>::Make(scratch_, graph_.size()));
  TIDEMARK_ASSIGN_OR_RETURN(graph_.target_,
                            Array<ObjectId>::Make(scratch_, told_.rows.targets.size() + of_extras));
  const uint64_t objects = told_.counts.size();
  const bool alone = scratch_.spills() || objects < kFewObjects;
  const uint64_t half = alone ? objects : objects / 2;
  uint64_t first_of_rest = 0;
  for (uint64_t i = 0; i < half && !alone; ++i) first_of_rest += told_.count(i);
  auto rest = std::async(alone ? std::launch::deferred : std::launch::async,
                         [&] { return ResolveObjects(half, objects, first_of_rest, {}); });
  Count(ResolveObjects(0, half, 0, progress_));
  Count(rest.get());
  Count(ResolveHolders(holders_begin));
  told_.shapes.Reset();
  told_.counts.Reset();
  told_.rows.targets.Reset();
  AddExtras();
  TIDEMARK_ASSIGN_OR_RETURN(graph_.label_, told_.rows.labels.Finish());
  return {};
}

// Puts the holders' rows behind the objects'. Where they begin.
Result<uint64_t> GraphBuilder::AppendHolders() {
  auto& [targets, labels] = told_.rows;
  const uint64_t begin = targets.size(), count = told_.holder_rows.targets.size();
  TIDEMARK_RETURN_IF_ERROR(told_.rows.Reserve(count));
  for (uint64_t i = 0; i < count; ++i) {
    scratch_.BreatheAt(i);
    targets.Push(told_.holder_rows.targets[i]);
    labels.Push(told_.holder_rows.labels[i]);
  }
  return begin;
}

GraphBuilder::Resolved GraphBuilder::ResolveHolders(uint64_t first) {
  Resolved resolved;
  Window window;
  ObjectId id = graph_.object_count();
  for (const uint64_t count : told_.holder_counts) {
    ResolveRow(id++, first, count, &window, &resolved);
    first += count;
  }
  return resolved;
}

// Of told objects, from the one at position `begin` on, whose references are from `first` on.
GraphBuilder::Resolved GraphBuilder::ResolveObjects(uint64_t begin, uint64_t end, uint64_t first,
                                                    const Progress& progress) {
  Resolved resolved;
  Window window;
  ToldIds::Cursor ids(ids_);
  for (uint64_t i = begin; i < end; ++i) {
    scratch_.BreatheAt(i);
    ProgressAt(progress, "resolving references", i - begin, end - begin);
    const uint64_t count = told_.count(i);
    const ObjectId id = ids.At(i);
    if (id != kNoObject && count > 0) ResolveRow(id, first, count, &window, &resolved);
    first += count;
  }
  return resolved;
}

// The row stays where it was told, without references that point nowhere or at their owner.
void GraphBuilder::ResolveRow(ObjectId source, uint64_t begin, uint64_t count, Window* window,
                              Resolved* resolved) {
  uint64_t next = begin;
  for (uint64_t at = begin; at < begin + count; ++at) {
    if (at < window->begin || at >= window->end) Look(at, window);
    scratch_.BreatheAt(at);
    const ObjectId target =
        graph_.Covering(told_.rows.targets[at], window->found[at - window->begin]);
    if (target == kNoObject) ++resolved->dangling;
    if (target == kNoObject || target == source) continue;
    graph_.target_[next] = target;
    told_.rows.labels[next++] = told_.rows.labels[at];
  }
  const uint64_t kept = next - begin;
  if (kept >= HeapGraph::kLargeCount) resolved->large_rows.emplace_back(source, kept);
  graph_.row_[source] = HeapGraph::PackedRow(begin, kept);
  resolved->edges += kept;
}

void GraphBuilder::Look(uint64_t begin, Window* window) const {
  window->begin = begin;
  window->end = std::min(begin + kBatch, told_.rows.targets.size());
  window->found.resize(kBatch);
  const auto targets = told_.rows.targets.span().subspan(begin, window->end - begin);
  const uint64_t piece = scratch_.spills() ? kPiece : kBatch;
  for (uint64_t done = 0; done < targets.size(); done += piece) {
    scratch_.Breathe();
    graph_.index_.Find(targets.subspan(done, std::min(piece, targets.size() - done)),
                       &window->found[done]);
  }
}

void GraphBuilder::Count(const Resolved& resolved) {
  graph_.edges_ += resolved.edges;
  graph_.losses_.dangling_references += resolved.dangling;
  graph_.large_rows_.insert(resolved.large_rows.begin(), resolved.large_rows.end());
}

// Puts the extras in the order of their owners, whose ids they get in place of addresses. How many
// references the rows of those owners may have with them.
uint64_t GraphBuilder::OrderExtras() {
  auto extras = told_.extras.span();
  if (extras.empty()) return 0;
  uint64_t known = 0;
  for (const ToldHeap::Extra& extra : extras) {
    scratch_.BreatheAt(known);
    const AddressIndex::Found found = graph_.index_.Find(extra.source);
    if (!found.begins) {
      ++graph_.losses_.unknown_sources;
      continue;
    }
    extras[known] = extra;
    extras[known++].source = found.at_or_before;
  }
  told_.extras.Shrink(known);
  extras = told_.extras.span();
  std::stable_sort(
      extras.begin(), extras.end(),
      [](const ToldHeap::Extra& a, const ToldHeap::Extra& b) { return a.source < b.source; });
  uint64_t references = extras.size();
  // An owner's row is known by its position among the told ones, which only a sweep finds.
  std::vector<bool> owns(graph_.size());
  for (const ToldHeap::Extra& extra : extras) owns[extra.source] = true;
  ToldIds::Cursor ids(ids_);
  for (uint64_t i = 0; i < told_.counts.size(); ++i) {
    scratch_.BreatheAt(i);
    const ObjectId id = ids.At(i);
    if (id != kNoObject && owns[id]) references += told_.count(i);
  }
  return references;
}

// Rows with further references are written once more, behind the others.
void GraphBuilder::AddExtras() {
  const auto extras = told_.extras.span();
  uint64_t next = told_.rows.labels.size();
  const auto push = [&](ObjectId target, uint32_t label) {
    graph_.target_[next++] = target;
    told_.rows.labels.Push(label);
  };
  for (size_t i = 0; i < extras.size();) {
    const auto source = static_cast<ObjectId>(extras[i].source);
    const uint64_t old_begin = BeginOf(graph_.row_[source]), begin = next;
    const uint64_t old_count = graph_.edge_count(source);
    for (uint64_t edge = old_begin; edge < old_begin + old_count; ++edge) {
      push(graph_.target_[edge], told_.rows.labels[edge]);
    }
    for (; i < extras.size() && extras[i].source == source; ++i) {
      scratch_.BreatheAt(i);
      const ObjectId target = graph_.Find(extras[i].target);
      if (target == kNoObject) ++graph_.losses_.dangling_references;
      if (target != kNoObject && target != source) push(target, extras[i].label);
    }
    graph_.edges_ += next - begin - old_count;
    graph_.SetRow(source, begin, next - begin);
  }
}

void GraphBuilder::LearnTypes() {
  std::vector<uint64_t> targets;
  std::vector<AddressIndex::Found> found(kPiece);
  for (uint64_t done = 0; done < told_.hints.size(); done += kPiece) {
    const auto hints =
        told_.hints.span().subspan(done, std::min(kPiece, told_.hints.size() - done));
    scratch_.Breathe();
    targets.clear();
    for (const ToldHeap::TypeHint& hint : hints) targets.push_back(hint.target);
    graph_.index_.Find(targets, found.data());
    for (AddressIndex::Found& each : found) {
      if (each.begins) graph_.PrefetchShape(each.at_or_before);
    }
    for (size_t i = 0; i < hints.size(); ++i) {
      const ObjectId id = found[i].at_or_before;
      if (!found[i].begins || graph_.type(id) != 0) continue;
      graph_.SetType(id, graph_.AddType({hints[i].type, "", 0, false}));
    }
  }
}

void GraphBuilder::AddRoots() {
  for (ObjectId id = graph_.object_count(); id < graph_.size(); ++id) {
    graph_.roots_.push_back({id, graph_.holder(id).kind});
  }
  std::vector<Root> told;
  for (const ToldHeap::Root& root : told_.roots.span()) {
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

Result<std::unique_ptr<HeapGraph>> BuildGraph(HeapSource& source, Scratch& scratch,
                                              const Progress& progress) {
  auto graph = std::make_unique<HeapGraph>();
  ToldHeap told(*graph, scratch, progress);
  TIDEMARK_ASSIGN_OR_RETURN(const ReadOutcome outcome,
                            source.Read(told, {.references = true, .contents = false}));
  graph->damage_ = outcome.damage;
  graph->format_ = source.format();
  TIDEMARK_RETURN_IF_ERROR(GraphBuilder(*graph, told, scratch, progress).Build());
  return graph;
}

}  // namespace tidemark::heapgraph
