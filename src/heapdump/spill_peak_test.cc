// How much memory the analysis of a graph takes that is larger than the memory it is given.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>

#include "base/sanitizers.h"
#include "heapdump/spill_file.h"
#include "heapgraph/dominators.h"
#include "heapgraph/histogram.h"
#include "heapgraph/retaining_tree.h"
#include "heapgraph/suspects.h"

namespace tidemark {
namespace {

using heapgraph::HeapSink;
using heapgraph::ReadOutcome;
using heapgraph::Reference;

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr uint64_t kObjects = 1 << 21;

// A binary tree whose levels lie one behind the other, not in the order of addresses, and from
// every 256th object a reference to any other.
class ScatteredHeap : public heapgraph::HeapSource {
 public:
  std::string_view format() const override { return "scattered"; }
  Result<ReadOutcome> Read(HeapSink& sink, Wants wants) override {
    sink.OnType({.key = 1, .name = "thing"});
    for (uint64_t i = 0; i < kObjects; ++i) {
      std::array<Reference, 3> references;
      const std::array<uint64_t, 3> targets = {2 * i + 1, 2 * i + 2,
                                               i % 256 == 0 ? i * 1'000'003 % kObjects : i};
      size_t count = 0;
      for (const uint64_t target : targets) {
        if (target < kObjects) references[count++].target = AddressOf(target);
      }
      const size_t told = wants.references ? count : 0;
      sink.OnObject({.address = AddressOf(i),
                     .bytes = kBytes,
                     .type = 1,
                     .references = std::span(references).first(told),
                     .contents = {}});
    }
    sink.OnRoot(heapgraph::RootKind::kHandle, AddressOf(0));
    return ReadOutcome{.bytes = kObjects, .damage = ""};
  }

 private:
  static constexpr uint64_t kBytes = 64, kBlock = 4096;
  static uint64_t AddressOf(uint64_t object) {
    const uint64_t place = object / kBlock * kBlock + object * 1'357 % kBlock;  // a permutation
    return 0x100000 + place * kBytes;
  }
};

// Looks at the resident memory before each breath: that is when there is most.
class WatchedScratch : public heapgraph::Scratch {
 public:
  explicit WatchedScratch(uint64_t limit) : spill_(limit, testing::TempDir()) {}
  Result<std::span<std::byte>> Allocate(uint64_t bytes) override { return spill_.Allocate(bytes); }
  Result<std::span<std::byte>> Resize(std::span<std::byte> bytes, uint64_t new_bytes) override {
    return spill_.Resize(bytes, new_bytes);
  }
  void Release(std::span<std::byte> bytes) override { spill_.Release(bytes); }
  void Breathe() override {
    most_ = std::max(most_, ResidentBytes());
    spill_.Breathe();
  }
  bool spills() const override { return spill_.spills(); }
  uint64_t peak_bytes() const override { return spill_.peak_bytes(); }
  uint64_t most() const { return most_; }

 private:
  SpillFile spill_;
  uint64_t most_ = 0;
};

// Far more than the limit would become resident between two looks if they were rare.
TEST(SpillPeak, AccessAtRandomStaysWithinATenthOfTheLimit) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer's memory counts as well";
  const uint64_t limit = ResidentBytes() + 192 * kMiB;
  WatchedScratch scratch(limit);
  auto array = heapgraph::Array<uint64_t>::Make(scratch, 512 * kMiB / sizeof(uint64_t));
  ASSERT_TRUE(array) << array.error().message;
  for (uint64_t i = 0; i < array->size(); ++i) {
    scratch.BreatheAt(i);
    (*array)[i] = i;
  }
  for (uint64_t i = 0; i < 5'000; ++i) {
    scratch.BreatheAt(i);
    const uint64_t place = i * 2'654'435'761 % array->size();
    ASSERT_EQ((*array)[place], place);
  }
  EXPECT_LT(scratch.most(), limit + limit / 10);
}

TEST(SpillPeak, AnAnalysisStaysWithinATenthOfItsLimit) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer's memory counts as well";
  const uint64_t limit = ResidentBytes() + 48 * kMiB;
  WatchedScratch scratch(limit);
  ScatteredHeap heap;
  const auto graph = BuildGraph(heap, scratch);
  ASSERT_TRUE(graph) << graph.error().message;
  const auto tree = ComputeDominators(**graph, scratch);
  ASSERT_TRUE(tree) << tree.error().message;
  const auto types = TypeHistogram(**graph, *tree, scratch);
  ASSERT_TRUE(types) << types.error().message;
  auto suspects = FindSuspects(**graph, *tree, scratch);
  ASSERT_TRUE(AddPaths(**graph, scratch, {}, &suspects));
  ASSERT_TRUE(BuildRetainingTree(**graph, *tree, scratch));

  EXPECT_EQ(tree->reachable_objects, kObjects);
  EXPECT_GT(scratch.peak_bytes(), 2 * limit);
  EXPECT_LT(scratch.most(), limit + limit / 10);
}

}  // namespace
}  // namespace tidemark
