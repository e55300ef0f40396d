#include "heapgraph/root_paths.h"

#include <algorithm>

namespace tidemark::heapgraph {
namespace {

constexpr uint32_t kBetweenSigns = 1 << 16;  // of progress
constexpr size_t kAhead = 8;

// Roots that say most come first.
int RankOf(RootKind kind) {
  switch (kind) {
    case RootKind::kGlobal:
    case RootKind::kSegment:
      return 0;
    case RootKind::kSystem:
    case RootKind::kHandle:
      return 1;
    case RootKind::kOther:
      return 2;
    case RootKind::kFinalizer:
    case RootKind::kStack:
      return 3;
  }
  return 3;
}

class Breadth {
 public:
  Breadth(const HeapGraph& graph, Scratch& scratch, const Progress& progress, RootPaths* paths)
      : graph_(graph), scratch_(scratch), progress_(progress), paths_(*paths) {}

  Result<void> Run(std::span<const ObjectId> wanted) {
    const uint64_t size = graph_.size();
    TIDEMARK_ASSIGN_OR_RETURN(paths_.parent, Array<ObjectId>::Make(scratch_, size));
    TIDEMARK_ASSIGN_OR_RETURN(paths_.label, Array<uint32_t>::Make(scratch_, size));
    TIDEMARK_ASSIGN_OR_RETURN(queue_, Array<ObjectId>::Make(scratch_, size));
    for (uint64_t id = 0; id < size; ++id) {
      scratch_.BreatheAt(id);
      paths_.parent[id] = kNew;
    }
    std::vector<ObjectId> missing(wanted.begin(), wanted.end());
    AddRoots();
    for (uint64_t next = 0; next < queued_; ++next) {
      scratch_.BreatheAt(next);
      if (next % kBetweenSigns == 0) {
        if (progress_) progress_("finding paths", next, size);
        std::erase_if(missing, [&](ObjectId id) { return paths_.parent[id] != kNew; });
        if (!wanted.empty() && missing.empty()) break;
      }
      Follow(queue_[next]);
      if (next + kAhead < queued_) graph_.PrefetchRow(queue_[next + kAhead]);
    }
    for (uint64_t id = 0; id < size; ++id) {
      scratch_.BreatheAt(id);
      if (paths_.parent[id] == kNew) paths_.parent[id] = kNoObject;
    }
    return {};
  }

 private:
  static constexpr ObjectId kNew = kNoObject - 1;

  void AddRoots() {
    std::vector<Root> roots(graph_.roots().begin(), graph_.roots().end());
    std::stable_sort(roots.begin(), roots.end(),
                     [](const Root& a, const Root& b) { return RankOf(a.kind) < RankOf(b.kind); });
    for (const Root& root : roots) Reach(root.object, kNoObject, 0);
  }

  void Reach(ObjectId object, ObjectId parent, uint32_t label) {
    if (paths_.parent[object] != kNew) return;
    paths_.parent[object] = parent;
    paths_.label[object] = label;
    queue_[queued_++] = object;
  }

  void Follow(ObjectId object) {
    const auto targets = graph_.targets(object);
    const auto labels = graph_.labels(object);
    for (size_t i = 0; i < targets.size(); ++i) {
      scratch_.BreatheAt(++followed_);
      if (i + kAhead < targets.size()) __builtin_prefetch(&paths_.parent[targets[i + kAhead]]);
      Reach(targets[i], object, labels[i]);
    }
  }

  const HeapGraph& graph_;
  Scratch& scratch_;
  const Progress& progress_;
  RootPaths& paths_;
  Array<ObjectId> queue_;
  uint64_t queued_ = 0;
  uint64_t followed_ = 0;  // references
};

}  // namespace

Result<RootPaths> ShortestRootPaths(const HeapGraph& graph, Scratch& scratch,
                                    const Progress& progress, std::span<const ObjectId> wanted) {
  RootPaths paths;
  TIDEMARK_RETURN_IF_ERROR(Breadth(graph, scratch, progress, &paths).Run(wanted));
  return paths;
}

std::vector<PathStep> PathTo(const RootPaths& paths, ObjectId object, size_t max_steps) {
  std::vector<PathStep> steps;
  for (ObjectId at = object; at != kNoObject; at = paths.parent[at]) {
    steps.push_back({at, Label::FromBits(paths.label[at])});
  }
  std::reverse(steps.begin(), steps.end());
  if (steps.size() > max_steps) {
    const auto first = steps.begin() + static_cast<ptrdiff_t>(max_steps / 2);
    steps.erase(first, first + static_cast<ptrdiff_t>(steps.size() - max_steps));
  }
  return steps;
}

}  // namespace tidemark::heapgraph
