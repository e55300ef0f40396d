#include "heapgraph/growth.h"

#include <algorithm>
#include <map>

namespace tidemark::heapgraph {
namespace {

constexpr double kSuspectShareOfBaseline = 0.02;
constexpr double kSuspectShareOfGrowth = 0.5;
constexpr double kKeptByDeeper = 0.7;
constexpr char kBetween = '\x1f';  // between the steps of a path's key

int64_t Difference(uint64_t after, uint64_t before) {
  return static_cast<int64_t>(after) - static_cast<int64_t>(before);
}

std::string NameOf(const HeapGraph& graph, const RetainingNode& node) {
  return node.holder != kNoObject ? graph.holder(node.holder).name : graph.types()[node.type].name;
}

std::vector<TypeGrowth> CompareTypes(const HeapSide& before, const HeapSide& after) {
  std::map<std::string, TypeGrowth> rows;
  for (const auto& row : after.types) {
    const std::string& name = after.graph.types()[row.type].name;
    TypeGrowth& growth = rows[name];
    growth.objects += static_cast<int64_t>(row.objects);
    growth.bytes += static_cast<int64_t>(row.bytes);
    growth.retained_bytes += static_cast<int64_t>(row.retained_bytes);
    growth.bytes_after += row.bytes;
  }
  for (const auto& row : before.types) {
    TypeGrowth& growth = rows[before.graph.types()[row.type].name];
    growth.objects -= static_cast<int64_t>(row.objects);
    growth.bytes -= static_cast<int64_t>(row.bytes);
    growth.retained_bytes -= static_cast<int64_t>(row.retained_bytes);
  }
  std::vector<TypeGrowth> types;
  for (auto& [name, growth] : rows) {
    if (growth.objects == 0 && growth.bytes == 0) continue;
    growth.type = name;
    types.push_back(std::move(growth));
  }
  std::sort(types.begin(), types.end(), [](const TypeGrowth& a, const TypeGrowth& b) {
    const int64_t of_a = std::abs(a.bytes), of_b = std::abs(b.bytes);
    return of_a != of_b ? of_a > of_b : a.type < b.type;
  });
  return types;
}

// Retained by a path in both heaps.
struct Both {
  uint64_t bytes_before = 0, bytes_after = 0, objects_before = 0, objects_after = 0;
  uint64_t own_before = 0, own_after = 0;
};

// By key: the names of a path's steps, root first, each ended by kBetween. Paths of one name (two
// goroutines of one function) are added up.
std::map<std::string, Both> PathsOf(const HeapSide& before, const HeapSide& after) {
  std::map<std::string, Both> paths;
  for (const bool is_after : {false, true}) {
    const HeapSide& side = is_after ? after : before;
    std::vector<std::string> keys(1);
    for (size_t i = 1; i < side.retaining.nodes.size(); ++i) {
      const RetainingNode& node = side.retaining.nodes[i];
      keys.push_back(keys[node.parent] + NameOf(side.graph, node) + kBetween);
      Both& both = paths[keys.back()];
      (is_after ? both.bytes_after : both.bytes_before) += node.retained_bytes;
      (is_after ? both.objects_after : both.objects_before) += node.retained_objects;
      if (node.holder != kNoObject) continue;
      (is_after ? both.own_after : both.own_before) += node.own_objects;
    }
  }
  return paths;
}

std::vector<std::string> StepsOf(std::string_view key) {
  std::vector<std::string> steps;
  for (size_t end; (end = key.find(kBetween)) != key.npos; key.remove_prefix(end + 1)) {
    steps.emplace_back(key.substr(0, end));
  }
  return steps;
}

// Marks the deepest paths that explain the growth. Rows are in order of their keys, so a path's
// deeper ones follow it.
void MarkSuspects(uint64_t baseline, int64_t growth, const std::map<std::string, Both>& paths,
                  std::vector<PathGrowth>* rows) {
  const double least = std::max(kSuspectShareOfBaseline * static_cast<double>(baseline),
                                kSuspectShareOfGrowth * static_cast<double>(growth));
  std::vector<const std::string*> keys;
  for (const auto& entry : paths) keys.push_back(&entry.first);
  for (size_t i = 0; i < rows->size(); ++i) {
    PathGrowth& row = (*rows)[i];
    if (row.bytes <= 0 || static_cast<double>(row.bytes) <= least) continue;
    row.suspect = true;
    for (size_t below = i + 1; below < rows->size() && keys[below]->starts_with(*keys[i]);
         ++below) {
      if (static_cast<double>((*rows)[below].bytes) >=
          kKeptByDeeper * static_cast<double>(row.bytes)) {
        row.suspect = false;
        break;
      }
    }
  }
}

}  // namespace

HeapGrowth CompareHeaps(const HeapSide& before, const HeapSide& after, size_t max_rows) {
  HeapGrowth growth;
  growth.objects = Difference(after.tree.reachable_objects, before.tree.reachable_objects);
  growth.bytes = Difference(after.tree.reachable_bytes, before.tree.reachable_bytes);
  growth.types = CompareTypes(before, after);
  const auto paths = PathsOf(before, after);
  for (const auto& [key, both] : paths) {
    PathGrowth row;
    row.path = StepsOf(key);
    row.objects = Difference(both.objects_after, both.objects_before);
    row.bytes = Difference(both.bytes_after, both.bytes_before);
    row.own_objects = Difference(both.own_after, both.own_before);
    row.bytes_before = both.bytes_before;
    row.bytes_after = both.bytes_after;
    growth.paths.push_back(std::move(row));
  }
  MarkSuspects(before.tree.reachable_bytes, growth.bytes, paths, &growth.paths);
  std::erase_if(growth.paths,
                [](const PathGrowth& row) { return row.bytes == 0 && row.objects == 0; });
  std::stable_sort(growth.paths.begin(), growth.paths.end(),
                   [](const PathGrowth& a, const PathGrowth& b) {
                     return a.suspect != b.suspect ? a.suspect : a.bytes > b.bytes;
                   });
  if (growth.paths.size() > max_rows) growth.paths.resize(max_rows);
  if (growth.types.size() > max_rows) growth.types.resize(max_rows);
  return growth;
}

}  // namespace tidemark::heapgraph
