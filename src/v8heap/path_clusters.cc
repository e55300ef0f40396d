#include "v8heap/path_clusters.h"

#include <algorithm>
#include <cstdint>
#include <unordered_map>

namespace tidemark::v8heap {
namespace {

using heapgraph::HeapGraph;
using heapgraph::kNoObject;
using heapgraph::Label;
using heapgraph::ObjectId;
using heapgraph::PathStep;

constexpr size_t kMaxSteps = 64;     // PathTo cuts the middle of longer ones
constexpr size_t kMaxLength = 4096;  // no longer path is walked

// A step as far as paths are compared. Indexes and offsets are one label.
struct Step {
  uint32_t what, label;
  bool operator==(const Step&) const = default;
};
using Steps = std::vector<Step>;

Steps StepsOf(const HeapGraph& graph, std::span<const PathStep> path) {
  Steps steps;
  for (const PathStep& step : path) {
    const bool holder = graph.is_holder(step.object);
    const bool named =
        step.label.kind() == Label::Kind::kName || step.label.kind() == Label::Kind::kHidden;
    // Holders and types are apart by the lowest bit.
    steps.push_back({holder ? step.object * 2 + 1 : graph.type(step.object) * 2,
                     named && !steps.empty() ? step.label.bits() : 0});
  }
  return steps;
}

double SimilarityOf(const Steps& a, const Steps& b) {
  if (a.empty() || b.empty()) return a.size() == b.size() ? 1 : 0;
  // best[j]: twice the weight of what a's steps so far and b's first j have in common.
  std::vector<uint32_t> best(b.size() + 1);
  for (const Step& step : a) {
    uint32_t diagonal = 0;
    for (size_t j = 0; j < b.size(); ++j) {
      const uint32_t both = diagonal + (step.what == b[j].what) + (step.label == b[j].label);
      diagonal = best[j + 1];
      best[j + 1] = std::max({best[j + 1], best[j], both});
    }
  }
  return static_cast<double>(best.back()) / static_cast<double>(a.size() + b.size());
}

uint64_t HashOf(const Steps& steps) {
  uint64_t hash = steps.size();
  for (const Step& step : steps) {
    hash = (hash ^ (uint64_t{step.what} << 32 | step.label)) * 0x9E3779B97F4A7C15;
    hash ^= hash >> 29;
  }
  return hash;
}

class Clusterer {
 public:
  Clusterer(const HeapGraph& graph, const heapgraph::RootPaths& paths,
            const heapgraph::DominatorTree& tree, const ClusterSettings& settings)
      : graph_(graph), paths_(paths), tree_(tree), settings_(settings) {}

  PathClusters Run(std::span<const ObjectId> objects) {
    Choose(objects);
    DropLong();
    MarkNested();
    for (const Chosen& chosen : chosen_) Place(chosen.object);
    auto& clusters = result_.clusters;
    std::stable_sort(clusters.begin(), clusters.end(), [](const auto& a, const auto& b) {
      return a.retained_bytes > b.retained_bytes;
    });
    return std::move(result_);
  }

 private:
  static constexpr size_t kNowhere = SIZE_MAX;

  struct Chosen {
    ObjectId object;
    size_t steps;
  };

  // Steps of the path to `id`, as far as kMaxLength + 1.
  size_t Length(ObjectId id) const {
    size_t steps = 0;
    for (; id != kNoObject && steps <= kMaxLength; id = paths_.parent[id]) ++steps;
    return steps;
  }

  void Choose(std::span<const ObjectId> objects) {
    for (const ObjectId id : objects) {
      if (tree_.reachable(id)) {
        chosen_.push_back({id, Length(id)});
      } else {
        ++result_.without_path;
      }
    }
  }

  void DropLong() {
    if (chosen_.empty()) return;
    std::vector<size_t> lengths;
    for (const Chosen& chosen : chosen_) lengths.push_back(chosen.steps);
    const auto eighty = lengths.begin() + static_cast<ptrdiff_t>(lengths.size() * 4 / 5);
    std::nth_element(lengths.begin(), eighty, lengths.end());
    const size_t limit = std::max(settings_.max_steps, *eighty);
    result_.too_long = std::erase_if(chosen_, [&](const Chosen& chosen) {
      const bool large = graph_.bytes(chosen.object) >= settings_.large_bytes;
      return chosen.steps > kMaxLength || (chosen.steps > limit && !large);
    });
  }

  // Objects below another chosen one, whose bytes are counted there.
  void MarkNested() {
    std::vector<bool> chosen(graph_.size()), below(graph_.size());
    for (const Chosen& one : chosen_) chosen[one.object] = true;
    uint64_t chosen_until = 0;  // places below a chosen one
    for (uint64_t place = 0; place < tree_.order.size(); ++place) {
      const ObjectId id = tree_.order[place];
      below[id] = place < chosen_until;
      if (chosen[id] && !below[id]) chosen_until = place + tree_.extent[place];
    }
    nested_ = std::move(below);
  }

  void Place(ObjectId object) {
    const std::vector<PathStep> path = heapgraph::PathTo(paths_, object, kMaxSteps);
    const Steps steps = StepsOf(graph_, path);
    const uint64_t hash = HashOf(steps);
    const auto known = cluster_of_.find(hash);
    const size_t place = known != cluster_of_.end() ? known->second : Search(path, steps);
    if (place == kNowhere) {
      ++result_.not_compared;
      return;
    }
    cluster_of_.emplace(hash, place);
    ++result_.clusters[place].objects;
    if (!nested_[object]) result_.clusters[place].retained_bytes += tree_.retained_bytes(object);
  }

  // The place of the cluster to join, which may be new.
  size_t Search(const std::vector<PathStep>& path, const Steps& steps) {
    if (Joins(last_, steps)) return last_;
    size_t most_like = 0;
    double most = -1;
    for (size_t i = 0; i < representatives_.size(); ++i) {
      if (compared_++ >= settings_.max_comparisons) return kNowhere;
      const double similarity = SimilarityOf(representatives_[i], steps);
      if (similarity >= settings_.least_similarity) return last_ = i;
      if (similarity > most) {
        most = similarity;
        most_like = i;
      }
    }
    if (representatives_.size() >= std::max<size_t>(settings_.max_clusters, 1)) return most_like;
    representatives_.push_back(steps);
    result_.clusters.push_back({.path = path});
    return last_ = representatives_.size() - 1;
  }

  // Asked of the cluster that the path before joined, since many alike come one after another.
  bool Joins(size_t place, const Steps& steps) {
    if (place >= representatives_.size() || compared_ >= settings_.max_comparisons) return false;
    ++compared_;
    return SimilarityOf(representatives_[place], steps) >= settings_.least_similarity;
  }

  const HeapGraph& graph_;
  const heapgraph::RootPaths& paths_;
  const heapgraph::DominatorTree& tree_;
  const ClusterSettings& settings_;
  std::vector<Chosen> chosen_;
  std::vector<bool> nested_;                         // by object: below a chosen one
  std::vector<Steps> representatives_;               // of result_.clusters
  std::unordered_map<uint64_t, size_t> cluster_of_;  // by hash of steps
  uint64_t compared_ = 0;
  size_t last_ = 0;  // place that a search ended at
  PathClusters result_;
};

}  // namespace

PathClusters ClusterPaths(const HeapGraph& graph, const heapgraph::RootPaths& paths,
                          const heapgraph::DominatorTree& tree, std::span<const ObjectId> objects,
                          const ClusterSettings& settings) {
  return Clusterer(graph, paths, tree, settings).Run(objects);
}

double Similarity(const HeapGraph& graph, std::span<const PathStep> a,
                  std::span<const PathStep> b) {
  return SimilarityOf(StepsOf(graph, a), StepsOf(graph, b));
}

}  // namespace tidemark::v8heap
