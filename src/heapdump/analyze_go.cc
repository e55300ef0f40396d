#include "heapdump/analyze_go.h"

#include <algorithm>
#include <bit>
#include <map>
#include <unordered_map>

#include "goheap/go_typing.h"

namespace tidemark {
namespace {

using goheap::GoSpan;
using goheap::GoSpans;
using heapgraph::Array;
using heapgraph::kNoObject;
using heapgraph::ObjectId;

constexpr size_t kMaxOwners = 1000;  // further ones count together
constexpr size_t kMaxNames = 20, kMaxTraces = 50;

std::string Hex(std::span<const uint8_t> bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const uint8_t byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

// The top-level object above each reachable one.
Result<Array<ObjectId>> TopLevelOf(const HeapAnalysis& analysis) {
  const auto& tree = analysis.tree;
  TIDEMARK_ASSIGN_OR_RETURN(auto top,
                            Array<ObjectId>::Make(*analysis.scratch, analysis.graph->size()));
  for (const uint64_t owner : tree.top_level()) {
    for (uint64_t place = owner; place < owner + tree.extent[owner]; ++place) {
      analysis.scratch->BreatheAt(place);
      top[tree.order[place]] = tree.order[owner];
    }
  }
  return top;
}

// What is gathered of the spans of one owner.
struct Gathered {
  ObjectId example = kNoObject;
  std::vector<const GoSpan*> spans;
};

// A shrunk dump keeps the ids of a sample of its spans.
bool HasIds(const GoSpan& span) { return std::bit_cast<uint64_t>(span.span_id) != 0; }

// Newest end first; those that have not ended behind, newest start first; last those without ids.
bool Newer(const GoSpan* a, const GoSpan* b) {
  if (HasIds(*a) != HasIds(*b)) return HasIds(*a);
  if (a->end_ns != b->end_ns) return a->end_ns > b->end_ns;
  return a->start_ns > b->start_ns;
}

SpansUnder Summarize(ObjectId owner, Gathered gathered, const GoSpans& found) {
  SpansUnder under;
  under.owner = owner;
  under.example = gathered.example;
  HeldSpans& held = under.spans;
  held.spans = gathered.spans.size();
  std::vector<uint64_t> numbers(found.names.size());  // of spans, by the number of their names
  for (const GoSpan* span : gathered.spans) {
    ++numbers[span->name];
    if (span->end_ns == 0) continue;
    ++held.ended;
    held.newest_end_ns = std::max(held.newest_end_ns, span->end_ns);
    if (held.oldest_end_ns == 0 || span->end_ns < held.oldest_end_ns) {
      held.oldest_end_ns = span->end_ns;
    }
  }
  std::unordered_map<std::string_view, uint64_t> names;
  for (size_t number = 0; number < numbers.size(); ++number) {
    if (numbers[number] > 0) names[found.names[number]] += numbers[number];
  }
  for (const auto& [name, count] : names) held.names.push_back({std::string(name), count});
  std::sort(held.names.begin(), held.names.end(), [](const NamedCount& a, const NamedCount& b) {
    return a.count != b.count ? a.count > b.count : a.name < b.name;
  });
  if (held.names.size() > kMaxNames) held.names.resize(kMaxNames);
  const auto shown = static_cast<ptrdiff_t>(std::min(kMaxTraces, gathered.spans.size()));
  std::partial_sort(gathered.spans.begin(), gathered.spans.begin() + shown, gathered.spans.end(),
                    Newer);
  for (ptrdiff_t i = 0; i < shown; ++i) {
    const GoSpan& span = *gathered.spans[static_cast<size_t>(i)];
    if (!HasIds(span)) break;
    held.traces.push_back({.trace_id = Hex(span.trace_id),
                           .span_id = Hex(span.span_id),
                           .name = found.names[span.name],
                           .start_ns = span.start_ns,
                           .end_ns = span.end_ns});
  }
  return under;
}

}  // namespace

Result<std::unique_ptr<GoHeap>> GoHeap::Make(std::unique_ptr<heapgraph::HeapSource> source,
                                             const std::string& exe) {
  auto heap = std::unique_ptr<GoHeap>(new GoHeap);
  heap->source_ = std::move(source);
  if (exe.empty()) return heap;
  TIDEMARK_ASSIGN_OR_RETURN(heap->executable_, goheap::GoExecutable::Open(exe));
  auto named = std::make_unique<goheap::NamedGoHeap>(std::move(heap->source_), *heap->executable_);
  heap->named_ = named.get();
  heap->source_ = std::move(named);
  return heap;
}

Result<void> GoHeap::TypeObjects(HeapAnalysis* analysis) {
  if (named_ == nullptr) {
    analysis->notes.push_back(
        "--exe FILE, the program that was dumped, gives globals and types their names");
    return {};
  }
  if (!named_->fits()) {
    analysis->notes.push_back(std::string(analysis->graph->fact("executable")));
    return {};
  }
  if (executable_->globals().empty()) {
    analysis->notes.push_back(executable_->path() +
                              " has no symbols (built with -ldflags=-s): globals have no names");
  }
  TIDEMARK_RETURN_IF_ERROR(
      goheap::TypeGoObjects(*analysis->graph, *executable_, named_->slide(), *analysis->scratch));
  return {};
}

Result<GoSpans> GoHeap::FindSpans(const heapgraph::HeapGraph& graph, heapgraph::Scratch& scratch) {
  const bool fits = named_ != nullptr && named_->fits();
  return goheap::FindSpans(*source_, graph, fits ? executable_.get() : nullptr,
                           fits ? named_->slide() : 0, scratch);
}

Result<void> AddSpans(const GoSpans& found, HeapAnalysis* analysis) {
  if (found.spans.empty()) return {};
  TIDEMARK_ASSIGN_OR_RETURN(const auto top, TopLevelOf(*analysis));
  std::map<ObjectId, Gathered> owners;
  uint64_t number = 0;
  for (const GoSpan& span : found.spans.span()) {
    analysis->scratch->BreatheAt(number++);
    if (!analysis->tree.reachable(span.object)) continue;
    ObjectId owner = top[span.object];
    if (owners.size() >= kMaxOwners && owners.count(owner) == 0) owner = kNoObject;
    Gathered& gathered = owners[owner];
    if (gathered.spans.empty()) gathered.example = span.object;
    gathered.spans.push_back(&span);
  }
  for (auto& [owner, gathered] : owners) {
    analysis->spans.push_back(Summarize(owner, std::move(gathered), found));
  }
  std::stable_sort(
      analysis->spans.begin(), analysis->spans.end(),
      [](const SpansUnder& a, const SpansUnder& b) { return a.spans.spans > b.spans.spans; });
  return {};
}

}  // namespace tidemark
