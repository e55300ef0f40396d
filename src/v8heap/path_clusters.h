// Many objects are held in few ways: groups their paths from the roots by likeness, so that one
// path stands for a thousand. After memlab's trace clusters.
#pragma once

#include <span>
#include <vector>

#include "heapgraph/dominators.h"
#include "heapgraph/root_paths.h"

namespace tidemark::v8heap {

struct ClusterSettings {
  double least_similarity = 0.8;
  uint64_t max_comparisons = 1'000'000;  // of two paths
  // Longer paths are left out, unless more than a fifth are longer or the object is large: has as
  // many bytes of its own. Those of more than 4096 steps are always left out.
  size_t max_steps = 30;
  uint64_t large_bytes = 100'000;
  size_t max_clusters = 256;  // a path that is like none of those joins the one it is most like
};

struct PathCluster {
  std::vector<heapgraph::PathStep> path;  // of the first that was put here
  uint64_t objects = 0;
  uint64_t retained_bytes = 0;  // of those that no other of the objects given dominates
};

struct PathClusters {
  std::vector<PathCluster> clusters;  // by falling retained bytes
  // In no cluster. Identity: with those of the clusters they are all objects given.
  uint64_t without_path = 0, too_long = 0, not_compared = 0;
};

// Of `objects`, which are reachable ones and different. Each joins a cluster whose path is like its
// own, by Similarity: the one joined before it, or the first; equal paths cost one look. Once
// max_comparisons are spent, objects whose path is unlike all before it are not compared, so that
// the first ones should matter most.
PathClusters ClusterPaths(const heapgraph::HeapGraph& graph, const heapgraph::RootPaths& paths,
                          const heapgraph::DominatorTree& tree,
                          std::span<const heapgraph::ObjectId> objects,
                          const ClusterSettings& settings = {});

// 0 = nothing in common, 1 = the same types by the same names in the same order; indexes of arrays
// are all alike. Twice the weight of the longest common subsequence over the sum of the lengths; a
// step weighs half for its type, half for the name it is reached by.
// Worked: global.cache[1] Span and global.cache[2] Span -> 1; a -> b -> c and a -> b -> d of three
// steps with equal names -> 2 x 2.5 / 6 = 0.83.
double Similarity(const heapgraph::HeapGraph& graph, std::span<const heapgraph::PathStep> a,
                  std::span<const heapgraph::PathStep> b);

}  // namespace tidemark::v8heap
