#include "heapreport/make_report.h"

#include <algorithm>

#include "base/time.h"
#include "heapreport/report_tree.h"
#include "heapreport/retaining_chain.h"
#include "heapreport/sentences.h"
#include "heapreport/words.h"

namespace tidemark {
namespace {

using heapgraph::HeapGraph;
using heapgraph::kNoObject;
using heapgraph::ObjectId;

void FillTotals(const HeapAnalysis& analysis, HeapReport* report) {
  const auto& [graph, tree] = std::tie(*analysis.graph, analysis.tree);
  report->objects = tree.reachable_objects + tree.garbage_objects;
  report->bytes = tree.reachable_bytes + tree.garbage_bytes;
  report->garbage_objects = tree.garbage_objects;
  report->garbage_bytes = tree.garbage_bytes;
  // What is under the virtual root is a root, or reached from several.
  std::vector<bool> roots(graph.size());
  for (const heapgraph::Root& root : graph.roots()) roots[root.object] = true;
  uint64_t seen = 0;
  for (const uint64_t place : tree.top_level()) {
    analysis.scratch->BreatheAt(seen++);
    const ObjectId id = tree.order[place];
    const bool owned = roots[id];
    (owned ? report->owned_bytes : report->shared_bytes) += tree.retained(place);
    (owned ? report->owned_objects : report->shared_objects) += tree.retained_objects(id);
  }
  report->references = graph.edge_count();
  report->roots = graph.roots().size();
}

void Expect(const char* what, uint64_t is, uint64_t should, HeapReport* report) {
  if (is == should) return;
  report->broken.push_back(std::string(what) + " is " + std::to_string(is) + ", not " +
                           std::to_string(should));
}

void CheckIdentities(const HeapAnalysis& analysis, HeapReport* report) {
  uint64_t graph_bytes = 0, type_objects = 0, type_bytes = 0;
  const HeapGraph& graph = *analysis.graph;
  for (ObjectId id = 0; id < graph.object_count(); ++id) {
    analysis.scratch->BreatheAt(id);
    graph_bytes += graph.bytes(id);
  }
  for (const auto& row : analysis.types) {
    type_objects += row.objects;
    type_bytes += row.bytes;
  }
  Expect("objects, reachable and garbage,", report->objects, graph.object_count(), report);
  Expect("bytes, reachable and garbage,", report->bytes, graph_bytes, report);
  Expect("bytes owned, shared and garbage",
         report->owned_bytes + report->shared_bytes + report->garbage_bytes, graph_bytes, report);
  Expect("objects of all types", type_objects, analysis.tree.reachable_objects, report);
  Expect("bytes of all types", type_bytes, analysis.tree.reachable_bytes, report);
  if (!analysis.retaining.nodes.empty()) {
    Expect("bytes of the retaining tree", analysis.retaining.nodes[0].retained_bytes,
           analysis.tree.reachable_bytes, report);
  }
}

void FillLosses(const HeapAnalysis& analysis, HeapReport* report) {
  const heapgraph::GraphLosses& losses = analysis.graph->losses();
  const auto add = [&](const char* what, uint64_t count) {
    if (count > 0) report->losses.push_back({what, count});
  };
  add("references to no object (constants, stacks, freed memory), dropped",
      losses.dangling_references);
  add("objects over others, left out", losses.overlapping_objects);
  add("references or roots of an address without an object, dropped", losses.unknown_sources);
  add("names over the limit, shown as (other)", losses.names_refused);
  add("types over the limit, shown as unknown", losses.types_refused);
  add("named roots over the limit, without their names", losses.holders_refused);
}

std::vector<ReportStep> PathOf(const HeapAnalysis& analysis, const heapgraph::Suspect& suspect,
                               size_t max_steps) {
  const HeapGraph& graph = *analysis.graph;
  std::vector<ReportStep> steps;
  for (const heapgraph::PathStep& step : suspect.path) {
    if (steps.size() == max_steps) break;
    steps.push_back({steps.empty() ? "" : Presentable(graph.LabelText(step.label)),
                     NameOfObject(graph, step.object), graph.address(step.object),
                     analysis.tree.retained_bytes(step.object)});
  }
  return steps;
}

// Spans under the owner of a suspect, or nullptr.
const HeldSpans* SpansOf(const HeapAnalysis& analysis, const heapgraph::Suspect& suspect) {
  for (const SpansUnder& under : analysis.spans) {
    if (under.owner == suspect.object) return &under.spans;
  }
  return nullptr;
}

// From the top-level owner to what piles up, and how much of that there is.
void FollowChain(const HeapAnalysis& analysis, const RetainingChildren& children,
                 const heapgraph::Suspect& found, ReportSuspect* suspect) {
  const HeapGraph& graph = *analysis.graph;
  suspect->objects = found.objects;
  suspect->pile_bytes = found.retained_bytes;
  const uint32_t top = TopLevelNode(graph, analysis.retaining, children, found.object);
  if (top == 0) {
    suspect->chain = {NameOfObject(graph, found.object)};
    return;
  }
  for (const uint32_t at : ChainFrom(analysis.retaining, children, top)) {
    const heapgraph::RetainingNode& node = analysis.retaining.nodes[at];
    suspect->chain.push_back(NameOfNode(graph, node));
    if (at == top) continue;
    // The pile is what lies right below the accumulation; a node has those of other ways too.
    const bool pile = node.type != 0 && node.type == found.piled_type;
    suspect->objects = pile && !found.group ? found.piled_objects : node.own_objects;
    if (!found.group) suspect->pile_bytes = node.retained_bytes;
  }
}

void FillSuspects(const HeapAnalysis& analysis, const RetainingChildren& children,
                  const ReportLimits& limits, HeapReport* report) {
  const HeapGraph& graph = *analysis.graph;
  for (const heapgraph::Suspect& found : analysis.suspects) {
    if (report->suspects.size() == limits.suspects) break;
    ReportSuspect suspect;
    suspect.group = found.group;
    suspect.retained_bytes = found.retained_bytes;
    suspect.share = report->reachable_bytes() == 0
                        ? 0
                        : static_cast<double>(found.retained_bytes) /
                              static_cast<double>(report->reachable_bytes());
    suspect.piled_type = Presentable(graph.types()[found.piled_type].name);
    suspect.piled_objects = found.piled_objects;
    suspect.piled_bytes = found.piled_bytes;
    FollowChain(analysis, children, found, &suspect);
    suspect.path = PathOf(analysis, found, limits.path_steps);
    const HeldSpans* spans = SpansOf(analysis, found);
    if (spans != nullptr) suspect.ended_spans = spans->ended;
    suspect.sentence = SuspectSentence(*report, suspect, spans);
    report->suspects.push_back(std::move(suspect));
  }
}

void FillSpans(const HeapAnalysis& analysis, const RetainingChildren& children,
               HeapReport* report) {
  const HeapGraph& graph = *analysis.graph;
  for (const SpansUnder& under : analysis.spans) {
    HeldSpans spans = under.spans;
    for (NamedCount& name : spans.names) name.name = Presentable(name.name);
    for (HeldTrace& trace : spans.traces) trace.name = Presentable(trace.name);
    const uint32_t top = TopLevelNode(graph, analysis.retaining, children, under.owner);
    if (top != 0) {
      for (const uint32_t node : ChainFrom(analysis.retaining, children, top))
        spans.chain.push_back(NameOfNode(graph, analysis.retaining.nodes[node]));
    } else {
      spans.chain = {under.owner == kNoObject ? "(garbage)" : NameOfObject(graph, under.owner)};
    }
    report->spans.push_back(std::move(spans));
  }
}

// Those at the top of the tree that retain most, the largest first.
std::vector<ObjectId> LargestOwners(const HeapAnalysis& analysis, size_t count) {
  const heapgraph::DominatorTree& tree = analysis.tree;
  const auto larger = [&](uint64_t a, uint64_t b) {
    return tree.retained(a) != tree.retained(b) ? tree.retained(a) > tree.retained(b)
                                                : tree.order[a] < tree.order[b];
  };
  std::vector<uint64_t> owners;  // places; a heap with the smallest in front
  uint64_t seen = 0;
  for (const uint64_t place : tree.top_level()) {
    analysis.scratch->BreatheAt(seen++);
    if (tree.retained(place) == 0) continue;
    if (owners.size() == count) {
      if (owners.empty() || !larger(place, owners.front())) continue;
      std::pop_heap(owners.begin(), owners.end(), larger);
      owners.pop_back();
    }
    owners.push_back(place);
    std::push_heap(owners.begin(), owners.end(), larger);
  }
  std::sort_heap(owners.begin(), owners.end(), larger);
  std::vector<ObjectId> objects;
  for (const uint64_t place : owners) objects.push_back(tree.order[place]);
  return objects;
}

void FillRows(const HeapAnalysis& analysis, const ReportLimits& limits, HeapReport* report) {
  const HeapGraph& graph = *analysis.graph;
  for (const ObjectId id : LargestOwners(analysis, limits.owners)) {
    report->owners.push_back({NameOfObject(graph, id), graph.address(id),
                              analysis.tree.retained_objects(id), analysis.tree.retained_bytes(id),
                              graph.is_holder(id)});
  }
  report->all_types = analysis.types.size();
  for (const heapgraph::TypeRow& row : analysis.types) {
    if (report->types.size() == limits.types) break;
    report->types.push_back(
        {Presentable(graph.types()[row.type].name), row.objects, row.bytes, row.retained_bytes});
  }
}

}  // namespace

HeapReport MakeHeapReport(const HeapAnalysis& analysis, const ReportLimits& limits) {
  HeapReport report;
  report.file = Presentable(analysis.file);
  report.format = Presentable(analysis.graph->format());
  report.runtime = analysis.runtime;
  report.file_bytes = analysis.file_bytes;
  report.time_ns = analysis.time_ns;
  for (const auto& [key, value] : analysis.graph->facts())
    report.facts[Presentable(key)] = Presentable(value);
  report.addresses_are_ids =
      analysis.graph->fact(heapgraph::kAddressesAreIds.key) == heapgraph::kAddressesAreIds.value &&
      analysis.graph->fact("v8 ids") != "unusable";
  report.damage = Presentable(analysis.graph->damage(), 1000);
  for (const std::string& note : analysis.notes) report.notes.push_back(Presentable(note, 1000));
  FillTotals(analysis, &report);
  FillLosses(analysis, &report);
  CheckIdentities(analysis, &report);
  const RetainingChildren children(analysis.retaining);
  FillSuspects(analysis, children, limits, &report);
  FillSpans(analysis, children, &report);
  FillRows(analysis, limits, &report);
  report.tree = MakeReportTree(*analysis.graph, analysis.retaining, children, limits.nodes);
  report.tree_cut_objects = analysis.retaining.cut_objects;
  report.headline = Headline(report);
  return report;
}

HeapReport MakeGrowthReport(const HeapAnalysis& before, const HeapAnalysis& after,
                            const ReportLimits& limits) {
  HeapReport report = MakeHeapReport(after, limits);
  report.before_file = Presentable(before.file);
  report.before_objects = before.tree.reachable_objects;
  report.before_bytes = before.tree.reachable_bytes;
  report.growth =
      heapgraph::CompareHeaps({*before.graph, before.tree, before.retaining, before.types},
                              {*after.graph, after.tree, after.retaining, after.types});
  for (auto& row : report.growth->types) row.type = Presentable(row.type);
  for (auto& row : report.growth->paths) {
    for (std::string& name : row.path) name = Presentable(name);
  }
  report.since = after.since;
  if (report.since) {
    for (ClassSince& row : report.since->classes) row.name = Presentable(row.name);
  }
  if (after.time_ns > 0 && before.time_ns > after.time_ns)
    report.notes.push_back("by their times the dump given first was written after the other one (" +
                           FormatRfc3339(before.time_ns) + ", " + FormatRfc3339(after.time_ns) +
                           "); give the earlier one first");
  if (!before.graph->damage().empty())
    report.notes.push_back("PARTIAL: the earlier dump is damaged: " +
                           Presentable(before.graph->damage(), 1000));
  report.headline = Headline(report);
  return report;
}

}  // namespace tidemark
