#include "v8heap/snapshot_diff.h"

#include <algorithm>
#include <unordered_map>

namespace tidemark::v8heap {
namespace {

using heapgraph::HeapGraph;
using heapgraph::kNoObject;
using heapgraph::ObjectId;

Result<void> CheckIds(const HeapGraph& graph, std::string_view which) {
  if (graph.fact(heapgraph::kAddressesAreIds.key) != heapgraph::kAddressesAreIds.value) {
    return InvalidArgument("the " + std::string(which) + " dump (" + graph.format() +
                           ") is no heap snapshot with ids");
  }
  if (graph.fact("v8 ids") == "unusable") {
    return InvalidArgument("the " + std::string(which) +
                           " snapshot has nodes without an id, or two with the same");
  }
  return {};
}

// Both have their objects in the order of ids: one walk over both.
// `only_before(id)`, `only_after(id)`, `in_both(before, after)`.
template <typename Before, typename After, typename Both>
void Merge(const HeapGraph& before, const HeapGraph& after, Before only_before, After only_after,
           Both in_both) {
  ObjectId left = 0, right = 0;
  while (left < before.object_count() || right < after.object_count()) {
    const bool has_left = left < before.object_count(), has_right = right < after.object_count();
    if (has_left && has_right && before.address(left) == after.address(right)) {
      in_both(left++, right++);
    } else if (!has_right || (has_left && before.address(left) < after.address(right))) {
      only_before(left++);
    } else {
      only_after(right++);
    }
  }
}

const std::string& ClassOf(const HeapGraph& graph, ObjectId id) {
  return graph.types()[graph.type(id)].name;
}

void Add(const HeapGraph& graph, ObjectId id, DiffCount* count) {
  ++count->objects;
  count->bytes += graph.bytes(id);
}

class Differ {
 public:
  Differ(const HeapGraph& before, const HeapGraph& after)
      : before_(before),
        after_(after),
        of_before_(before.types().size()),
        of_after_(after.types().size()) {}

  SnapshotDiff Run() {
    Merge(
        before_, after_,
        [&](ObjectId id) {
          Add(before_, id, &diff_.freed);
          Add(before_, id, &Row(before_, id, &of_before_).freed);
        },
        [&](ObjectId id) {
          Add(after_, id, &diff_.allocated);
          Add(after_, id, &Row(after_, id, &of_after_).allocated);
        },
        [&](ObjectId then, ObjectId now) {
          Add(after_, now, &diff_.survived);
          if (before_.bytes(then) == after_.bytes(now)) return;
          Row(before_, then, &of_before_).bytes -= static_cast<int64_t>(before_.bytes(then));
          Row(after_, now, &of_after_).bytes += static_cast<int64_t>(after_.bytes(now));
        });
    for (ClassDiff& row : rows_) {
      row.bytes +=
          static_cast<int64_t>(row.allocated.bytes) - static_cast<int64_t>(row.freed.bytes);
    }
    std::sort(rows_.begin(), rows_.end(), [](const ClassDiff& a, const ClassDiff& b) {
      return a.bytes != b.bytes ? a.bytes > b.bytes : a.name < b.name;
    });
    diff_.classes = std::move(rows_);
    return std::move(diff_);
  }

 private:
  // The row of a class; `of_type` remembers it + 1 by the graph's type.
  ClassDiff& Row(const HeapGraph& graph, ObjectId id, std::vector<size_t>* of_type) {
    size_t& place = (*of_type)[graph.type(id)];
    if (place == 0) {
      const auto [entry, added] = by_name_.try_emplace(ClassOf(graph, id), rows_.size());
      if (added) rows_.push_back({.name = entry->first});
      place = entry->second + 1;
    }
    return rows_[place - 1];
  }

  const HeapGraph& before_;
  const HeapGraph& after_;
  SnapshotDiff diff_;
  std::vector<ClassDiff> rows_;
  std::unordered_map<std::string, size_t> by_name_;
  std::vector<size_t> of_before_, of_after_;
};

// What a person would not call a thing of the program: primitives and the engine's own.
bool IsNoThing(const HeapGraph& graph, ObjectId id) {
  const auto& type = graph.types()[graph.type(id)];
  return type.internal || type.name.starts_with('(');
}

}  // namespace

Result<SnapshotDiff> DiffSnapshots(const HeapGraph& before, const HeapGraph& after) {
  TIDEMARK_RETURN_IF_ERROR(CheckIds(before, "earlier"));
  TIDEMARK_RETURN_IF_ERROR(CheckIds(after, "later"));
  return Differ(before, after).Run();
}

Result<Leftovers> FindLeftovers(const HeapGraph& baseline, const HeapGraph& target,
                                const HeapGraph& last, const heapgraph::DominatorTree& last_tree,
                                size_t max_objects) {
  TIDEMARK_RETURN_IF_ERROR(CheckIds(baseline, "first"));
  TIDEMARK_RETURN_IF_ERROR(CheckIds(target, "second"));
  TIDEMARK_RETURN_IF_ERROR(CheckIds(last, "third"));
  std::vector<bool> allocated(target.size()), candidate(last.size());
  const auto ignore = [](ObjectId) {};
  Merge(
      baseline, target, ignore, [&](ObjectId id) { allocated[id] = true; },
      [](ObjectId, ObjectId) {});
  Merge(target, last, ignore, ignore, [&](ObjectId then, ObjectId now) {
    candidate[now] = allocated[then] && last_tree.reachable(now) && !IsNoThing(last, now);
  });
  Leftovers left;
  for (uint64_t place = 0; place < last_tree.order.size();) {
    const ObjectId id = last_tree.order[place];
    if (!candidate[id]) {
      ++place;
      continue;
    }
    ++left.all;
    left.retained_bytes += last_tree.retained(place);
    left.objects.push_back(id);
    place += last_tree.extent[place];  // what it keeps counts with it
  }
  std::sort(left.objects.begin(), left.objects.end(), [&](ObjectId a, ObjectId b) {
    const uint64_t more = last_tree.retained_bytes(a), less = last_tree.retained_bytes(b);
    return more != less ? more > less : a < b;
  });
  if (left.objects.size() > max_objects) left.objects.resize(max_objects);
  return left;
}

}  // namespace tidemark::v8heap
