#include "heapgraph/dominators.h"

#include <gtest/gtest.h>

#include <numeric>
#include <random>

#include "heapgraph/histogram.h"
#include "heapgraph/made_heap.h"
#include "heapgraph/retaining_tree.h"
#include "heapgraph/root_paths.h"

namespace tidemark::heapgraph {
namespace {

uint64_t AddressOf(uint32_t vertex) { return 0x10000 + uint64_t{vertex} * 256; }

// A random heap: vertices with random sizes, edges, roots, and some holders.
struct RandomHeap {
  explicit RandomHeap(uint64_t seed) : random(seed) {
    const uint32_t vertices = 1 + static_cast<uint32_t>(random() % 40);
    const uint64_t edges = random() % (vertices * 3);
    std::vector<std::vector<MadeHeap::Edge>> out(vertices);
    for (uint64_t i = 0; i < edges; ++i) {
      out[random() % vertices].push_back({AddressOf(Vertex(vertices)) + random() % 2, ""});
    }
    for (uint32_t i = 0; i < vertices; ++i) {
      heap.Object(AddressOf(i), 2 + random() % 200, 1 + random() % 4, out[i]);
    }
    for (uint64_t i = random() % 4; i > 0; --i) heap.Root(AddressOf(Vertex(vertices)));
    for (uint64_t i = random() % 3; i > 0; --i) {
      heap.Global("g" + std::to_string(i),
                  {{AddressOf(Vertex(vertices)), ""}, {AddressOf(Vertex(vertices)), ""}});
    }
  }
  uint32_t Vertex(uint32_t vertices) { return static_cast<uint32_t>(random() % vertices); }
  std::mt19937_64 random;
  MadeHeap heap;
};

// Reached from the roots, without going through `without`. Slow and plain on purpose.
std::vector<bool> Reached(const HeapGraph& graph, ObjectId without) {
  std::vector<bool> reached(graph.size());
  std::vector<ObjectId> open;
  const auto reach = [&](ObjectId id) {
    if (id == without || reached[id]) return;
    reached[id] = true;
    open.push_back(id);
  };
  for (const Root& root : graph.roots()) reach(root.object);
  while (!open.empty()) {
    const ObjectId id = open.back();
    open.pop_back();
    for (const ObjectId target : graph.targets(id)) reach(target);
  }
  return reached;
}

TEST(Dominators, RetainedIsWhatWouldBeGoneWithoutTheObject) {
  for (uint64_t seed = 0; seed < 3000; ++seed) {
    HeapScratch scratch;
    RandomHeap made(seed);
    const auto graph = BuildGraph(made.heap, scratch);
    ASSERT_TRUE(graph);
    const auto tree = ComputeDominators(**graph, scratch);
    ASSERT_TRUE(tree);
    const auto all = Reached(**graph, kNoObject);
    for (ObjectId id = 0; id < (*graph)->size(); ++id) {
      ASSERT_EQ(tree->reachable(id), all[id]) << "seed " << seed << " object " << id;
      const auto rest = Reached(**graph, id);
      uint64_t bytes = 0, objects = 0;
      for (ObjectId other = 0; other < (*graph)->size(); ++other) {
        if (!all[other] || rest[other]) continue;
        bytes += (*graph)->bytes(other);
        objects += (*graph)->is_holder(other) ? 0 : 1;
      }
      if (!all[id]) bytes = objects = 0;
      ASSERT_EQ(tree->retained_bytes(id), bytes) << "seed " << seed << " object " << id;
      ASSERT_EQ(tree->retained_objects(id), objects) << "seed " << seed << " object " << id;
    }
  }
}

TEST(Dominators, EveryByteIsAttributedOnce) {
  for (uint64_t seed = 0; seed < 500; ++seed) {
    HeapScratch scratch;
    RandomHeap made(seed);
    const auto graph = BuildGraph(made.heap, scratch);
    const auto tree = ComputeDominators(**graph, scratch);
    ASSERT_TRUE(tree);
    uint64_t top = 0, all = 0;
    for (const uint64_t place : tree->top_level()) top += tree->retained(place);
    for (ObjectId id = 0; id < (*graph)->size(); ++id) all += (*graph)->bytes(id);
    EXPECT_EQ(top, tree->reachable_bytes);
    EXPECT_EQ(tree->reachable_bytes + tree->garbage_bytes, all);

    const auto rows = TypeHistogram(**graph, *tree, scratch);
    ASSERT_TRUE(rows);
    uint64_t typed = 0, objects = 0;
    for (const TypeRow& row : *rows) {
      typed += row.bytes;
      objects += row.objects;
      EXPECT_GE(row.retained_bytes, row.bytes > 0 ? 1u : 0u);
      EXPECT_LE(row.retained_bytes, tree->reachable_bytes);
    }
    EXPECT_EQ(typed, tree->reachable_bytes);
    EXPECT_EQ(objects, tree->reachable_objects);

    const auto retaining = BuildRetainingTree(**graph, *tree, scratch);
    ASSERT_TRUE(retaining);
    EXPECT_EQ(retaining->nodes[0].retained_bytes, tree->reachable_bytes);
    EXPECT_EQ(retaining->nodes[0].retained_objects, tree->reachable_objects);
  }
}

TEST(Dominators, TheOrderIsTheTreesPreorder) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    HeapScratch scratch;
    RandomHeap made(seed);
    const auto graph = BuildGraph(made.heap, scratch);
    const auto tree = ComputeDominators(**graph, scratch);
    ASSERT_TRUE(tree);
    uint64_t listed = 0, reachable = 0;
    for (const uint64_t place : tree->top_level()) listed += tree->order[place] != kNoObject;
    for (uint64_t at = 0; at < tree->order.size(); ++at) {
      EXPECT_EQ(tree->place(tree->order[at]), at);
      const auto without = Reached(**graph, tree->order[at]);
      for (uint64_t place = at; place < at + tree->extent[at]; ++place) {
        EXPECT_FALSE(without[tree->order[place]]);
      }
      for (const uint64_t place : tree->children_at(at)) {
        EXPECT_LE(place + tree->extent[place], at + tree->extent[at]);
        ++listed;
      }
    }
    for (ObjectId id = 0; id < (*graph)->size(); ++id) reachable += tree->reachable(id) ? 1 : 0;
    EXPECT_EQ(listed, tree->order.size());
    EXPECT_EQ(reachable, tree->order.size());
  }
}

// A doubly linked list that is held at both ends: quadratic for iterative algorithms.
class LinkedList : public HeapSource {
 public:
  explicit LinkedList(uint32_t length) : length_(length) {}
  std::string_view format() const override { return "list"; }
  Result<ReadOutcome> Read(HeapSink& sink, Wants wants) override {
    for (uint32_t i = 0; i < length_; ++i) {
      const Reference links[] = {{.target = i + 1 < length_ ? AddressOf(i + 1) : 0},
                                 {.target = i > 0 ? AddressOf(i - 1) : 0}};
      sink.OnObject({.address = AddressOf(i),
                     .bytes = 48,
                     .type = 1,
                     .references = wants.references ? links : std::span<const Reference>(),
                     .contents = {}});
    }
    sink.OnRoot(RootKind::kGlobal, AddressOf(0));
    sink.OnRoot(RootKind::kGlobal, AddressOf(length_ - 1));
    return ReadOutcome{.bytes = length_, .damage = {}};
  }

 private:
  const uint32_t length_;
};

TEST(Dominators, OfAListHeldAtBothEndsAreFoundWithoutRecursionOrSweeps) {
  constexpr uint32_t kLength = 10'000'000;
  HeapScratch scratch;
  LinkedList list(kLength);
  const auto graph = BuildGraph(list, scratch);
  ASSERT_TRUE(graph);
  const auto tree = ComputeDominators(**graph, scratch);
  ASSERT_TRUE(tree);
  // Every link is reached from both ends, so none holds another.
  const auto top = tree->top_level();
  EXPECT_EQ(std::distance(top.begin(), top.end()), kLength);
  EXPECT_EQ(tree->retained_bytes(kLength / 2), 48u);
}

TEST(RootPaths, AreShortestAndPreferGlobals) {
  HeapScratch scratch;
  MadeHeap heap;
  heap.Object(0x1000, 16, 0, {{0x3000, "from_stack"}});
  heap.Object(0x2000, 16, 0, {{0x3000, "from_global"}});
  heap.Object(0x3000, 16, 0, {{0x4000, "next"}});
  heap.Object(0x4000, 16, 0);
  heap.Global("goroutine 1", {{0x1000, ""}}, RootKind::kStack);
  heap.Global("main.cache", {{0x2000, ""}});
  const auto graph = BuildGraph(heap, scratch);
  ASSERT_TRUE(graph);
  const auto paths = ShortestRootPaths(**graph, scratch);
  ASSERT_TRUE(paths);
  const auto steps = PathTo(*paths, (*graph)->Find(0x4000));
  ASSERT_EQ(steps.size(), 4u);
  EXPECT_EQ((*graph)->holder(steps[0].object).name, "main.cache");
  EXPECT_EQ((*graph)->LabelText(steps[2].label), ".from_global");
  EXPECT_EQ((*graph)->LabelText(steps[3].label), ".next");
}

TEST(RootPaths, EndEarlyOnceTheWantedAreReached) {
  HeapScratch scratch;
  LinkedList list(1'000'000);
  const auto graph = BuildGraph(list, scratch);
  ASSERT_TRUE(graph);
  const ObjectId near = 10, far = 500'000;
  const auto paths = ShortestRootPaths(**graph, scratch, {}, {&near, 1});
  ASSERT_TRUE(paths);
  EXPECT_EQ(PathTo(*paths, near).size(), 11u);
  EXPECT_EQ(PathTo(*paths, far).size(), 1u);  // not walked to
}

}  // namespace
}  // namespace tidemark::heapgraph
