#include "heapdump/analyze_v8.h"

#include <algorithm>
#include <unordered_map>

#include "base/text.h"
#include "heapreport/retaining_chain.h"
#include "heapreport/words.h"
#include "v8heap/classes.h"
#include "v8heap/detached.h"
#include "v8heap/path_clusters.h"
#include "v8heap/snapshot_diff.h"

namespace tidemark {
namespace {

using heapgraph::HeapGraph;
using heapgraph::ObjectId;
using heapgraph::TypeId;

constexpr size_t kMaxClasses = 100, kNamedClasses = 3;
constexpr size_t kMaxLeftovers = 100'000, kMaxWays = 50;
// Of the objects with one id in both, how many may have another class: a plain object that got a
// property has.
constexpr double kMayDiffer = 0.2;

// A node of a document, by the name V8 or Blink gives its class.
bool IsPageElement(std::string_view name) {
  name.remove_prefix(v8heap::kDetachedPrefix.size());
  return name.starts_with('<') || name.ends_with("Element") || name == "Text" ||
         name == "Comment" || name.ends_with("Document") || name == "DocumentFragment" ||
         name == "Window" || name.starts_with("Window ");
}

// "12 detached page elements keep 3.4 MiB (10 Detached <div>, 2 Detached <p>)"; "" of none.
std::string DetachedNote(const std::vector<v8heap::DetachedClass>& rows, bool elements,
                         uint64_t least_bytes) {
  uint64_t objects = 0, bytes = 0;
  size_t classes = 0;
  std::string names;
  for (const auto& row : rows) {
    if (IsPageElement(row.name) != elements) continue;
    objects += row.objects;
    bytes += row.retained_bytes;
    if (++classes > kNamedClasses) continue;
    names += (names.empty() ? "" : ", ") + FormatCount(row.objects) + " " + row.name;
  }
  if (objects == 0 || bytes < least_bytes) return "";
  const std::string what = elements ? " detached page element" : " detached native object";
  return FormatCount(objects) + what + (objects == 1 ? " keeps " : "s keep ") +
         FormatBytes(static_cast<double>(bytes)) + " (" + names +
         (classes > kNamedClasses ? ", ..." : "") + ")";
}

// Of each type of `before`, the type of that name in `after`; 0 where there is none.
std::vector<TypeId> SameNames(const HeapGraph& before, const HeapGraph& after) {
  std::unordered_map<std::string_view, TypeId> by_name;
  for (TypeId id = 0; id < after.types().size(); ++id) by_name.emplace(after.types()[id].name, id);
  std::vector<TypeId> same;
  for (const auto& type : before.types()) {
    const auto found = by_name.find(type.name);
    same.push_back(found == by_name.end() ? 0 : found->second);
  }
  return same;
}

// Ids begin anew in every process, so that two of one program share many by chance.
bool AreOfOneProcess(const HeapGraph& before, const HeapGraph& after) {
  const std::vector<TypeId> same = SameNames(before, after);
  const auto& types = after.types();
  uint64_t both = 0, differ = 0;
  ObjectId left = 0, right = 0;
  while (left < before.object_count() && right < after.object_count()) {
    if (before.address(left) < after.address(right)) {
      ++left;
    } else if (before.address(left) > after.address(right)) {
      ++right;
    } else {
      const TypeId was = same[before.type(left++)], is = after.type(right++);
      ++both;
      differ += was != is && types[was].name != types[is].name ? 1 : 0;
    }
  }
  return static_cast<double>(differ) <= kMayDiffer * static_cast<double>(both);
}

// One path from a root: "global -> .cache Map -> [] Span". Roots are holders of the object of
// their name: it stands once.
std::vector<std::string> Words(const HeapGraph& graph,
                               const std::vector<heapgraph::PathStep>& path) {
  std::vector<std::string> words;
  for (const auto& step : path) {
    std::string word;
    if (words.size() == 1 && words[0] == Presentable(NameOfObject(graph, step.object))) continue;
    if (!words.empty()) {
      const bool any_index = step.label.kind() == heapgraph::Label::Kind::kIndex;
      word = (any_index ? "[]" : graph.LabelText(step.label)) + " ";
    }
    words.push_back(Presentable(word + NameOfObject(graph, step.object)));
  }
  return words;
}

// What came since and stays, by the ways it is held.
Result<void> AddWaysHeld(const HeapAnalysis& before, const HeapAnalysis& after,
                         ObjectsSince* since) {
  const HeapGraph& graph = *after.graph;
  TIDEMARK_ASSIGN_OR_RETURN(const auto left, v8heap::FindLeftovers(*before.graph, graph, graph,
                                                                   after.tree, kMaxLeftovers));
  since->held_objects = left.all;
  since->held_bytes = left.retained_bytes;
  if (left.objects.empty()) return {};
  TIDEMARK_ASSIGN_OR_RETURN(const auto paths,
                            heapgraph::ShortestRootPaths(graph, *after.scratch, {}, left.objects));
  for (const auto& cluster :
       v8heap::ClusterPaths(graph, paths, after.tree, left.objects).clusters) {
    if (since->held.size() == kMaxWays) break;
    since->held.push_back({Words(graph, cluster.path), cluster.objects, cluster.retained_bytes});
  }
  return {};
}

}  // namespace

Result<void> NoteDetached(HeapAnalysis* analysis) {
  TIDEMARK_ASSIGN_OR_RETURN(
      const auto rows,
      v8heap::DetachedClasses(*analysis->graph, analysis->tree, *analysis->scratch));
  for (const bool elements : {true, false}) {
    // Every Node has a few detached objects of its own.
    const uint64_t least = elements ? 0 : analysis->tree.reachable_bytes / 100;
    if (const std::string note = DetachedNote(rows, elements, least); !note.empty())
      analysis->notes.push_back(note);
  }
  return {};
}

void CompareIds(const HeapAnalysis& before, HeapAnalysis* after) {
  auto diff = v8heap::DiffSnapshots(*before.graph, *after->graph);
  if (!diff) {
    after->notes.push_back("objects were not compared one by one: " + diff.error().message);
    return;
  }
  if (!AreOfOneProcess(*before.graph, *after->graph)) {
    after->notes.push_back(
        "objects were not compared one by one: the two snapshots are not of one process, since "
        "many objects of one id differ in class");
    return;
  }
  ObjectsSince since{.allocated_objects = diff->allocated.objects,
                     .allocated_bytes = diff->allocated.bytes,
                     .freed_objects = diff->freed.objects,
                     .freed_bytes = diff->freed.bytes,
                     .kept_objects = diff->survived.objects,
                     .kept_bytes = diff->survived.bytes,
                     .classes = {},
                     .held = {},
                     .held_objects = 0,
                     .held_bytes = 0};
  std::stable_sort(diff->classes.begin(), diff->classes.end(), [](const auto& a, const auto& b) {
    return a.allocated.bytes > b.allocated.bytes;
  });
  if (diff->classes.size() > kMaxClasses) diff->classes.resize(kMaxClasses);
  for (auto& row : diff->classes) {
    since.classes.push_back({std::move(row.name), row.allocated.objects, row.allocated.bytes,
                             row.freed.objects, row.freed.bytes});
  }
  if (const auto held = AddWaysHeld(before, *after, &since); !held)
    after->notes.push_back("the ways new objects are held were not found: " + held.error().message);
  after->since = std::move(since);
}

}  // namespace tidemark
