#include "goheap/go_arrays.h"

#include <gtest/gtest.h>

#include "goheap/go_layouts.h"
#include "heapgraph/graph.h"

namespace tidemark::goheap {
namespace {

using heapgraph::Label;
using heapgraph::Reference;

constexpr uint64_t kArray = 0x1000, kTargets = 0x100000;

// An array of unknown type with a pointer every `stride` bytes to one of `targets` objects, which
// have the types of `keys` by turns.
class ArrayHeap : public heapgraph::HeapSource {
 public:
  ArrayHeap(std::vector<heapgraph::TypeKey> keys, uint64_t stride, uint64_t targets)
      : keys_(std::move(keys)), stride_(stride), targets_(targets) {}

  std::string_view format() const override { return "made by hand"; }
  Result<heapgraph::ReadOutcome> Read(heapgraph::HeapSink& sink, Wants) override {
    sink.OnType({.key = 0x5000, .name = "main.span"});
    sink.OnType({.key = 0x5100, .name = "main.other"});
    sink.OnType({.key = PointeeOf(0x5200), .name = "map[string]int"});
    std::vector<Reference> references;
    for (uint64_t i = 0; i < targets_; ++i) {
      references.push_back({kTargets + i * 64, Label(Label::Kind::kOffset, 8 + i * stride_)});
      sink.OnObject({.address = kTargets + i * 64,
                     .bytes = 64,
                     .type = keys_[i % keys_.size()],
                     .references = {},
                     .contents = {}});
    }
    sink.OnObject({.address = kArray, .bytes = 16384, .references = references, .contents = {}});
    return heapgraph::ReadOutcome{};
  }

 private:
  const std::vector<heapgraph::TypeKey> keys_;
  const uint64_t stride_, targets_;
};

std::string NameGiven(ArrayHeap heap) {
  heapgraph::HeapScratch scratch;
  const auto graph = heapgraph::BuildGraph(heap, scratch);
  EXPECT_TRUE(graph) << graph.error().message;
  const uint64_t named = NamePointerArrays(**graph, scratch);
  const auto& type = (*graph)->types()[(*graph)->type((*graph)->Find(kArray))];
  EXPECT_EQ(named, type.key == 0 ? 0u : 1u);
  return type.key == 0 ? "" : type.name;
}

TEST(GoArrays, PointersToOneTypeMakeAnArrayOfPointers) {
  EXPECT_EQ(NameGiven({{0x5000}, 8, 16}), "[]*main.span");
  EXPECT_EQ(NameGiven({{0x5000}, 8, 900}), "[]*main.span");
}

TEST(GoArrays, FewPointersMayBeFieldsOfAStruct) { EXPECT_EQ(NameGiven({{0x5000}, 8, 15}), ""); }

TEST(GoArrays, TwoTypesMakeNone) { EXPECT_EQ(NameGiven({{0x5000, 0x5100}, 8, 64}), ""); }

TEST(GoArrays, AWordBesideEachPointerIsAnotherType) {
  EXPECT_EQ(NameGiven({{0x5000}, 16, 64}), "");
}

TEST(GoArrays, UnknownTargetsAndMapsGiveNoName) {
  EXPECT_EQ(NameGiven({{0}, 8, 64}), "");
  EXPECT_EQ(NameGiven({{PointeeOf(0x5200)}, 8, 64}), "");
}

}  // namespace
}  // namespace tidemark::goheap
