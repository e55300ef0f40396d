#include "heapgraph/suspects.h"

#include <algorithm>
#include <unordered_map>

namespace tidemark::heapgraph {
namespace {

constexpr size_t kMaxPiled = 1 << 24;  // objects looked at to name what piles up

class Finder {
 public:
  Finder(const HeapGraph& graph, const DominatorTree& tree, const SuspectSettings& settings)
      : graph_(graph),
        tree_(tree),
        settings_(settings),
        least_bytes_(settings.min_share * static_cast<double>(tree.reachable_bytes)) {}

  std::vector<Suspect> Run() {
    std::unordered_map<TypeId, Suspect> groups;
    for (const ObjectId top : tree_.top_level()) {
      const uint64_t retained = tree_.retained_bytes[top];
      if (retained > 0 && static_cast<double>(retained) >= least_bytes_) {
        suspects_.push_back(Single(top));
      } else if (!graph_.is_holder(top)) {
        Suspect& group = groups.try_emplace(graph_.type(top), Suspect{.object = top, .objects = 0})
                             .first->second;
        ++group.objects;
        group.retained_bytes += retained;
      }
    }
    for (auto& [type, group] : groups) {
      if (group.objects > 1 && static_cast<double>(group.retained_bytes) >= least_bytes_) {
        group.group = true;
        suspects_.push_back(group);
      }
    }
    std::sort(suspects_.begin(), suspects_.end(), [](const Suspect& a, const Suspect& b) {
      return a.retained_bytes != b.retained_bytes ? a.retained_bytes > b.retained_bytes
                                                  : a.object < b.object;
    });
    if (suspects_.size() > settings_.max_suspects) suspects_.resize(settings_.max_suspects);
    for (Suspect& suspect : suspects_) Explain(&suspect);
    return std::move(suspects_);
  }

 private:
  Suspect Single(ObjectId top) const {
    return {.object = top, .retained_bytes = tree_.retained_bytes[top]};
  }

  void Explain(Suspect* suspect) const {
    suspect->accumulation = AccumulationUnder(suspect->object);
    FindPile(suspect);
  }

  // Down while one child keeps most of what its parent keeps. Of a list it stops at the first link:
  // a chain of one type is one place.
  ObjectId AccumulationUnder(ObjectId top) const {
    ObjectId at = top;
    ObjectId named = top;  // the last that is no container's inside
    for (uint32_t depth = 0; depth < settings_.max_depth; ++depth) {
      const auto children = tree_.children_of(at);
      if (children.empty()) break;
      const ObjectId largest = children.front();
      const auto share =
          settings_.accumulation_ratio * static_cast<double>(tree_.retained_bytes[at]);
      if (static_cast<double>(tree_.retained_bytes[largest]) < share) break;
      if (!graph_.is_holder(at) && graph_.type(largest) == graph_.type(at) &&
          graph_.type(at) != 0) {
        break;
      }
      at = largest;
      if (!IsInternal(at)) named = at;
    }
    return named;
  }

  bool IsInternal(ObjectId id) const {
    return !graph_.is_holder(id) && graph_.types()[graph_.type(id)].internal;
  }

  // What most of it is: the children of the accumulation by type, container insides walked through.
  void FindPile(Suspect* suspect) const {
    struct Pile {
      uint64_t objects = 0, bytes = 0;
    };
    std::unordered_map<TypeId, Pile> piles;
    std::vector<ObjectId> open(1, suspect->accumulation);
    size_t seen = 0;
    while (!open.empty() && seen < kMaxPiled) {
      const ObjectId at = open.back();
      open.pop_back();
      for (const ObjectId child : tree_.children_of(at)) {
        ++seen;
        if (IsInternal(child)) {
          open.push_back(child);
          continue;
        }
        Pile& pile = piles[graph_.type(child)];
        ++pile.objects;
        pile.bytes += tree_.retained_bytes[child];
      }
    }
    for (const auto& [type, pile] : piles) {
      if (pile.bytes < suspect->piled_bytes ||
          (pile.bytes == suspect->piled_bytes && type > suspect->piled_type)) {
        continue;
      }
      suspect->piled_type = type;
      suspect->piled_objects = pile.objects;
      suspect->piled_bytes = pile.bytes;
    }
  }

  const HeapGraph& graph_;
  const DominatorTree& tree_;
  const SuspectSettings& settings_;
  const double least_bytes_;
  std::vector<Suspect> suspects_;
};

}  // namespace

std::vector<Suspect> FindSuspects(const HeapGraph& graph, const DominatorTree& tree,
                                  const SuspectSettings& settings) {
  return Finder(graph, tree, settings).Run();
}

Result<void> AddPaths(const HeapGraph& graph, Scratch& scratch, const Progress& progress,
                      std::vector<Suspect>* suspects) {
  std::vector<ObjectId> wanted;
  for (const Suspect& suspect : *suspects) wanted.push_back(suspect.accumulation);
  if (wanted.empty()) return {};
  TIDEMARK_ASSIGN_OR_RETURN(const RootPaths paths,
                            ShortestRootPaths(graph, scratch, progress, wanted));
  for (Suspect& suspect : *suspects) suspect.path = PathTo(paths, suspect.accumulation);
  return {};
}

}  // namespace tidemark::heapgraph
