// The graph core by itself: from events to dominators, retained sizes, paths and types, phase by
// phase, and the dominators beside a textbook algorithm (Cooper, Harvey, Kennedy: A Simple, Fast
// Dominance Algorithm, 2001) on the same graph.
//
//   graph_bench [MILLIONS_OF_OBJECTS]      12 by default
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <random>

#include "heapgraph/dominators.h"
#include "heapgraph/histogram.h"
#include "heapgraph/retaining_tree.h"
#include "heapgraph/root_paths.h"
#include "heapgraph/suspects.h"

namespace tidemark::heapgraph {
namespace {

double Seconds(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// A heap as services have it: tables of sessions; each session has a record, texts, a list of
// items, and shares a few objects with others. Records of a session lie near each other, sessions
// anywhere, as after some time of running.
class ServiceHeap : public HeapSource {
 public:
  explicit ServiceHeap(uint64_t objects) : sessions_(static_cast<uint32_t>(objects / kPerSession)) {
    place_.resize(sessions_);
    for (uint32_t i = 0; i < sessions_; ++i) place_[i] = i;
    std::shuffle(place_.begin(), place_.end(), std::mt19937(1));
  }
  std::string_view format() const override { return "made"; }

  Result<ReadOutcome> Read(HeapSink& sink, Wants wants) override {
    wants_ = wants.references;
    // Shared objects: first of all addresses.
    for (uint32_t i = 0; i < kShared; ++i) Tell(sink, kBase + i * 64ULL, 64, 1, {});
    for (uint32_t place = 0; place < sessions_; ++place) TellSession(sink, place);
    TellTable(sink);
    sink.OnRoot(RootKind::kGlobal, TableAddress());
    return ReadOutcome{.bytes = sessions_, .damage = {}};
  }

 private:
  static constexpr uint64_t kBase = 0xc000000000;
  static constexpr uint32_t kShared = 4096, kPerSession = 12, kSessionBytes = 1024;

  uint64_t SessionAddress(uint32_t place) const {
    return kBase + kShared * 64ULL + uint64_t{place} * kSessionBytes;
  }
  uint64_t TableAddress() const { return SessionAddress(sessions_); }

  void Tell(HeapSink& sink, uint64_t address, uint64_t bytes, TypeKey type,
            std::initializer_list<uint64_t> targets) {
    Reference references[8];
    size_t count = 0;
    for (const uint64_t target : targets) {
      references[count] = {target, Label(Label::Kind::kOffset, count * 8), 0};
      ++count;
    }
    sink.OnObject({.address = address,
                   .bytes = bytes,
                   .type = type,
                   .references = {references, wants_ ? count : 0},
                   .contents = {}});
  }

  void TellSession(HeapSink& sink, uint32_t place) {
    const uint64_t at = SessionAddress(place);
    const uint64_t shared = kBase + (place * 2654435761u % kShared) * 64ULL;
    Tell(sink, at, 96, 2, {at + 96, at + 128, at + 192, shared});
    Tell(sink, at + 96, 32, 3, {at + 160});
    Tell(sink, at + 128, 32, 3, {at + 160, at});  // back to the session
    Tell(sink, at + 160, 32, 4, {});
    for (uint32_t item = 0; item < 4; ++item) {
      const uint64_t item_at = at + 192 + item * 128ULL;
      Tell(sink, item_at, 64, 5, {item < 3 ? item_at + 128 : 0, item_at + 64, shared});
      Tell(sink, item_at + 64, 64, 4, {});
    }
  }

  // One table of all sessions, in an order that has nothing to do with where they lie.
  void TellTable(HeapSink& sink) {
    std::vector<Reference> slots;
    if (wants_) {
      for (uint32_t i = 0; i < sessions_; ++i) {
        slots.push_back({SessionAddress(place_[i]), Label(Label::Kind::kIndex, i), 0});
      }
    }
    sink.OnObject({.address = TableAddress(),
                   .bytes = sessions_ * 8ULL,
                   .type = 6,
                   .references = slots,
                   .contents = {}});
  }

  const uint32_t sessions_;
  std::vector<uint32_t> place_;
  bool wants_ = true;
};

// Sweeps over all vertices in reverse postorder until nothing changes.
uint64_t IterativeDominators(const HeapGraph& graph) {
  const uint32_t size = graph.size();
  std::vector<uint32_t> order, number(size + 1, ~0u);  // postorder numbers; the virtual root last
  std::vector<std::pair<uint32_t, uint32_t>> open;
  for (const Root& root : graph.roots()) {
    if (number[root.object] != ~0u) continue;
    number[root.object] = 0;
    open.emplace_back(root.object, 0);
    while (!open.empty()) {
      auto& [object, next] = open.back();
      if (next == graph.targets(object).size()) {
        number[object] = static_cast<uint32_t>(order.size());
        order.push_back(object);
        open.pop_back();
      } else if (const uint32_t target = graph.targets(object)[next++]; number[target] == ~0u) {
        number[target] = 0;
        open.emplace_back(target, 0);
      }
    }
  }
  const auto virtual_root = static_cast<uint32_t>(order.size());
  std::vector<uint32_t> begin(virtual_root + 2), predecessor;
  for (const uint32_t object : order) {
    for (const uint32_t target : graph.targets(object)) ++begin[number[target] + 1];
  }
  for (size_t i = 1; i < begin.size(); ++i) begin[i] += begin[i - 1];
  predecessor.resize(begin.back());
  std::vector<uint32_t> fill(begin);
  for (const uint32_t object : order) {
    for (const uint32_t target : graph.targets(object)) {
      predecessor[fill[number[target]]++] = number[object];
    }
  }
  std::vector<uint32_t> dominator(virtual_root + 1, ~0u);
  dominator[virtual_root] = virtual_root;
  std::vector<bool> is_root(virtual_root);
  for (const Root& root : graph.roots()) is_root[number[root.object]] = true;
  uint64_t sweeps = 0;
  for (bool changed = true; changed; ++sweeps) {
    changed = false;
    for (uint32_t vertex = virtual_root; vertex-- > 0;) {
      uint32_t best = is_root[vertex] ? virtual_root : ~0u;
      for (uint32_t i = begin[vertex]; i < begin[vertex + 1]; ++i) {
        uint32_t other = predecessor[i];
        if (dominator[other] == ~0u) continue;
        if (best == ~0u) {
          best = other;
          continue;
        }
        while (best != other) {
          while (best < other) best = dominator[best];
          while (other < best) other = dominator[other];
        }
      }
      changed |= dominator[vertex] != best;
      dominator[vertex] = best;
    }
  }
  return sweeps;
}

void Run(uint64_t objects) {
  HeapScratch scratch;
  ServiceHeap heap(objects);
  std::unique_ptr<HeapGraph> graph;
  DominatorTree tree;
  RootPaths paths;
  const auto show = [&](const char* phase, double seconds) {
    std::printf("%-34s %7.3f s  %6.1f M objects/s\n", phase, seconds,
                graph ? graph->size() / seconds / 1e6 : 0);
  };
  show("objects and references to a graph",
       Seconds([&] { graph = std::move(*BuildGraph(heap, scratch)); }));
  const double ours = Seconds([&] { tree = *ComputeDominators(*graph, scratch); });
  show("dominators, retained sizes", ours);
  std::vector<TypeRow> types;
  show("types", Seconds([&] { types = *TypeHistogram(*graph, tree, scratch); }));
  show("retaining tree", Seconds([&] { (void)BuildRetainingTree(*graph, tree, scratch); }));
  show("all shortest paths", Seconds([&] { paths = *ShortestRootPaths(*graph, scratch); }));
  show("suspects", Seconds([&] { FindSuspects(*graph, tree, scratch); }));
  uint64_t sweeps = 0;
  const double peer = Seconds([&] { sweeps = IterativeDominators(*graph); });
  std::printf("%-34s %7.3f s  in %llu sweeps, without retained sizes: x%.2f of ours\n",
              "peer: iterative dominators", peer, static_cast<unsigned long long>(sweeps),
              peer / ours);
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  std::printf("%u objects, %llu references, scratch at most %.1f B an object, resident %.1f\n",
              graph->size(), static_cast<unsigned long long>(graph->edge_count()),
              static_cast<double>(scratch.peak_bytes()) / graph->size(),
              static_cast<double>(usage.ru_maxrss) * 1024 / graph->size());
}

}  // namespace
}  // namespace tidemark::heapgraph

int main(int argc, char** argv) {
  const double millions = argc > 1 ? std::atof(argv[1]) : 12;
  tidemark::heapgraph::Run(static_cast<uint64_t>(millions * 1e6));
}
