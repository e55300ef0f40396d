#include "heapgraph/suspects.h"

#include <algorithm>
#include <unordered_map>

namespace tidemark::heapgraph {
namespace {

constexpr size_t kMaxPiled = 1 << 24;  // objects looked at to name what piles up
constexpr uint64_t kAhead = 24;        // places for which memory is asked before they are looked at

class Finder {
 public:
  Finder(const HeapGraph& graph, const DominatorTree& tree, Scratch& scratch,
         const SuspectSettings& settings)
      : graph_(graph),
        tree_(tree),
        scratch_(scratch),
        settings_(settings),
        least_bytes_(settings.min_share * static_cast<double>(tree.reachable_bytes)) {}

  std::vector<Suspect> Run() {
    std::unordered_map<TypeId, Candidate> groups;
    uint64_t seen = 0;
    for (const uint64_t place : tree_.top_level()) {
      scratch_.BreatheAt(seen++);
      Ask(place + kAhead);
      const ObjectId top = tree_.order[place];
      const uint64_t retained = tree_.retained(place);
      if (retained > 0 && static_cast<double>(retained) >= least_bytes_) {
        candidates_.push_back({{.object = top, .retained_bytes = retained}, place});
      } else if (!graph_.is_holder(top)) {
        Candidate& group =
            groups.try_emplace(graph_.type(top), Candidate{{.objects = 0}, place}).first->second;
        ++group.suspect.objects;
        group.suspect.retained_bytes += retained;
        if (Larger(place, group.place)) group.place = place;
      }
    }
    for (auto& [type, group] : groups) {
      Suspect& suspect = group.suspect;
      suspect.object = tree_.order[group.place];
      if (suspect.objects > 1 && static_cast<double>(suspect.retained_bytes) >= least_bytes_) {
        suspect.group = true;
        candidates_.push_back(group);
      }
    }
    std::sort(candidates_.begin(), candidates_.end(), [](const Candidate& a, const Candidate& b) {
      const Suspect &of_a = a.suspect, &of_b = b.suspect;
      return of_a.retained_bytes != of_b.retained_bytes ? of_a.retained_bytes > of_b.retained_bytes
                                                        : of_a.object < of_b.object;
    });
    if (candidates_.size() > settings_.max_suspects) candidates_.resize(settings_.max_suspects);
    std::vector<Suspect> suspects;
    for (Candidate& candidate : candidates_) {
      const uint64_t accumulation = AccumulationUnder(candidate.place);
      candidate.suspect.accumulation = tree_.order[accumulation];
      FindPile(accumulation, &candidate.suspect);
      suspects.push_back(std::move(candidate.suspect));
    }
    return suspects;
  }

 private:
  struct Candidate {
    Suspect suspect;
    uint64_t place;  // in the tree's order, of its object
  };

  // Most siblings are leaves, so that the next ones lie right behind.
  void Ask(uint64_t place) const {
    if (place < tree_.order.size()) graph_.PrefetchShape(tree_.order[place]);
  }

  // Whether the one at place `a` retains more than that at `b`, or as much and comes first.
  bool Larger(uint64_t a, uint64_t b) const {
    const uint64_t bytes_a = tree_.retained(a), bytes_b = tree_.retained(b);
    return bytes_a != bytes_b ? bytes_a > bytes_b : tree_.order[a] < tree_.order[b];
  }

  // Down while one child keeps most of what its parent keeps. Of a list it stops at the first link:
  // a chain of one type is one place. Takes and gives places.
  uint64_t AccumulationUnder(uint64_t top) const {
    uint64_t at_place = top;
    uint64_t named = top;  // the last that is no container's inside
    for (uint32_t depth = 0; depth < settings_.max_depth; ++depth) {
      const auto children = tree_.children_at(at_place);
      if (children.empty()) break;
      uint64_t compared = 0;
      const uint64_t largest_place =
          *std::max_element(children.begin(), children.end(), [&](uint64_t a, uint64_t b) {
            scratch_.BreatheAt(compared++);
            return Larger(b, a);
          });
      const ObjectId at = tree_.order[at_place], largest = tree_.order[largest_place];
      const auto share =
          settings_.accumulation_ratio * static_cast<double>(tree_.retained(at_place));
      if (static_cast<double>(tree_.retained(largest_place)) < share) break;
      if (!graph_.is_holder(at) && graph_.type(largest) == graph_.type(at) &&
          graph_.type(at) != 0) {
        break;
      }
      at_place = largest_place;
      if (!IsInternal(largest)) named = at_place;
    }
    return named;
  }

  bool IsInternal(ObjectId id) const {
    return !graph_.is_holder(id) && graph_.types()[graph_.type(id)].internal;
  }

  // What most of it is: the children of the accumulation by type, container insides walked through.
  void FindPile(uint64_t accumulation, Suspect* suspect) const {
    struct Pile {
      uint64_t objects = 0, bytes = 0;
    };
    std::unordered_map<TypeId, Pile> piles;
    std::vector<uint64_t> open(1, accumulation);  // places
    size_t seen = 0;
    while (!open.empty() && seen < kMaxPiled) {
      const uint64_t at = open.back();
      open.pop_back();
      for (const uint64_t place : tree_.children_at(at)) {
        Ask(place + kAhead);
        const ObjectId child = tree_.order[place];
        scratch_.BreatheAt(seen++);
        if (IsInternal(child)) {
          open.push_back(place);
          continue;
        }
        Pile& pile = piles[graph_.type(child)];
        ++pile.objects;
        pile.bytes += tree_.retained(place);
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
  Scratch& scratch_;
  const SuspectSettings& settings_;
  const double least_bytes_;
  std::vector<Candidate> candidates_;
};

}  // namespace

std::vector<Suspect> FindSuspects(const HeapGraph& graph, const DominatorTree& tree,
                                  Scratch& scratch, const SuspectSettings& settings) {
  return Finder(graph, tree, scratch, settings).Run();
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
