#include "flame/flame.h"

#include <algorithm>
#include <map>
#include <unordered_map>

#include "base/saturate.h"

namespace tidemark {
namespace {

void Accumulate(int64_t value, int64_t* sum) { *sum = SaturatingAdd(*sum, value); }

// The tree while it grows: children by frame, in insertion order of nodes.
struct Trie {
  struct Node {
    uint32_t frame = 0;
    int64_t self = 0, base_self = 0;
    std::unordered_map<uint32_t, uint32_t> children;
  };
  std::vector<Node> nodes{1};  // [0] is the root above all roots

  uint32_t Child(uint32_t parent, uint32_t frame) {
    const auto [it, fresh] =
        nodes[parent].children.try_emplace(frame, static_cast<uint32_t>(nodes.size()));
    const uint32_t child = it->second;
    if (fresh) {
      nodes.emplace_back();
      nodes.back().frame = frame;
    }
    return child;
  }
};

class Builder {
 public:
  explicit Builder(size_t max_nodes) : max_nodes_(max_nodes) {}

  void Add(const Profile& profile, uint32_t type, bool is_base) {
    for (const Sample& sample : profile.samples) {
      const int64_t value = sample.values[type];
      if (value == 0) continue;
      const std::vector<FrameText> frames = FramesOf(profile, sample);
      uint32_t node = 0;
      for (auto frame = frames.rbegin(); frame != frames.rend(); ++frame) {
        if (trie_.nodes.size() > max_nodes_ &&
            !trie_.nodes[node].children.contains(FrameIndex(*frame)))
          break;
        node = trie_.Child(node, FrameIndex(*frame));
      }
      Accumulate(value, is_base ? &trie_.nodes[node].base_self : &trie_.nodes[node].self);
    }
  }

  FlameGraph Finish() && {
    Sum();
    graph_.total = sums_[0].first;
    graph_.base_total = sums_[0].second;
    graph_.nodes.reserve(trie_.nodes.size());
    EmitChildren();
    return std::move(graph_);
  }

 private:
  uint32_t FrameIndex(const FrameText& frame) {
    const auto [it, fresh] = index_.try_emplace({frame.function, frame.file},
                                                static_cast<uint32_t>(graph_.frames.size()));
    if (fresh) graph_.frames.push_back(frame);
    return it->second;
  }

  // Nodes are created after their parents, so sums run from the last to the first, without
  // recursion.
  void Sum() {
    sums_.assign(trie_.nodes.size(), {0, 0});
    for (size_t i = trie_.nodes.size(); i-- > 0;) {
      Accumulate(trie_.nodes[i].self, &sums_[i].first);
      Accumulate(trie_.nodes[i].base_self, &sums_[i].second);
      for (const auto& [frame, child] : trie_.nodes[i].children) {
        Accumulate(sums_[child].first, &sums_[i].first);
        Accumulate(sums_[child].second, &sums_[i].second);
      }
    }
  }

  // Preorder with an explicit stack: stacks can be thousands of frames deep.
  void EmitChildren() {
    struct Pending {
      uint32_t node;
      int32_t parent;
    };
    std::vector<Pending> pending;
    const auto push_children = [&](uint32_t node, int32_t parent) {
      std::vector<uint32_t> children;
      for (const auto& [frame, child] : trie_.nodes[node].children) children.push_back(child);
      const auto size = [&](uint32_t child) {
        return std::max(sums_[child].first, sums_[child].second);
      };
      std::sort(children.begin(), children.end(), [&](uint32_t a, uint32_t b) {
        return size(a) != size(b) ? size(a) < size(b) : trie_.nodes[a].frame > trie_.nodes[b].frame;
      });
      for (const uint32_t child : children) pending.push_back({child, parent});
    };
    push_children(0, -1);
    while (!pending.empty()) {
      const Pending next = pending.back();
      pending.pop_back();
      const Trie::Node& node = trie_.nodes[next.node];
      const auto index = static_cast<int32_t>(graph_.nodes.size());
      graph_.nodes.push_back({node.frame, next.parent, sums_[next.node].first, node.self,
                              sums_[next.node].second, node.base_self});
      push_children(next.node, index);
    }
  }

  const size_t max_nodes_;
  FlameGraph graph_;
  Trie trie_;
  std::map<std::pair<std::string, std::string>, uint32_t> index_;
  std::vector<std::pair<int64_t, int64_t>> sums_;  // (value, base value) per trie node
};

Result<uint32_t> TypeOf(const Profile& profile, const std::string& type) {
  const uint32_t index = profile.TypeIndex(type);
  if (index != kNoIndex) return index;
  std::string known;
  for (const ValueType& each : profile.sample_types)
    known += (known.empty() ? "" : ", ") + each.type;
  return NotFound("the profile has no sample type '" + type + "'; it has: " + known);
}

}  // namespace

Result<FlameGraph> BuildFlame(const Profile& profile, const Profile* base,
                              const FlameOptions& options) {
  TIDEMARK_ASSIGN_OR_RETURN(const uint32_t type, TypeOf(profile, options.type));
  Builder builder(options.max_nodes);
  builder.Add(profile, type, false);
  if (base != nullptr) {
    TIDEMARK_ASSIGN_OR_RETURN(const uint32_t base_type, TypeOf(*base, options.type));
    builder.Add(*base, base_type, true);
  }
  FlameGraph graph = std::move(builder).Finish();
  graph.type = profile.sample_types[type].type;
  graph.unit = profile.sample_types[type].unit;
  return graph;
}

std::vector<FunctionRow> TopFunctions(const FlameGraph& graph) {
  std::vector<FunctionRow> rows(graph.frames.size());
  for (size_t i = 0; i < rows.size(); ++i) rows[i].frame = graph.frames[i];
  for (const FlameNode& node : graph.nodes) {
    FunctionRow& row = rows[node.frame];
    Accumulate(node.self, &row.flat);
    Accumulate(node.base_self, &row.base_flat);
    // Count this node towards its function only when no caller is the same function.
    bool recursive = false;
    for (int32_t up = node.parent; up >= 0 && !recursive; up = graph.nodes[up].parent) {
      recursive = graph.nodes[up].frame == node.frame;
    }
    if (recursive) continue;
    Accumulate(node.value, &row.cumulative);
    Accumulate(node.base_value, &row.base_cumulative);
  }
  std::sort(rows.begin(), rows.end(), [](const FunctionRow& a, const FunctionRow& b) {
    const int64_t flat_a = SaturatingSubtract(a.flat, a.base_flat),
                  flat_b = SaturatingSubtract(b.flat, b.base_flat);
    if (flat_a != flat_b) return flat_a > flat_b;
    const int64_t all_a = SaturatingSubtract(a.cumulative, a.base_cumulative),
                  all_b = SaturatingSubtract(b.cumulative, b.base_cumulative);
    return all_a != all_b ? all_a > all_b : a.frame.function < b.frame.function;
  });
  return rows;
}

std::string Folded(const FlameGraph& graph) {
  std::vector<std::string> paths(graph.nodes.size());
  std::string out;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const FlameNode& node = graph.nodes[i];
    if (node.parent >= 0) paths[i] = paths[node.parent] + ";";
    paths[i] += graph.frames[node.frame].function;
    const int64_t value = SaturatingSubtract(node.self, node.base_self);
    if (value != 0) out += paths[i] + " " + std::to_string(value) + "\n";
  }
  return out;
}

}  // namespace tidemark
