#include "v8heap/snapshot_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "heapgraph/collecting_sink.h"
#include "heapgraph/dominators.h"
#include "v8heap/made_snapshot.h"

namespace tidemark::v8heap {
namespace {

using heapgraph::CollectingSink;
using heapgraph::Label;
using heapgraph::RootKind;
using ::testing::HasSubstr;

constexpr heapgraph::HeapSource::Wants kAll{.references = true, .contents = false};

struct Outcome {
  Result<heapgraph::ReadOutcome> read = heapgraph::ReadOutcome{};
  CollectingSink sink;
};

Outcome ReadText(const std::string& text, const SnapshotOptions& options = {}) {
  Outcome outcome;
  auto source = OpenV8Snapshot(BytesInMemory(std::as_bytes(std::span(text))), options);
  outcome.read = (*source)->Read(outcome.sink, kAll);
  return outcome;
}

// root -> (GC roots) -> cache -> table -> two spans; root => global -> cache
MadeSnapshot SpanCache() {
  MadeSnapshot made;
  made.Node("synthetic", "", 1, 0);
  made.Node("synthetic", "(GC roots)", 3, 0);
  made.Node("object", "global", 5, 40);
  made.Node("object", "Map", 7, 32);
  made.Node("array", "", 9, 1000);
  made.Node("object", "Span", 11, 100);
  made.Node("object", "Span", 13, 100, 2);
  made.Edges(0, {{"element", "1", 1}, {"shortcut", "2", 2}});
  made.Edges(1, {{"internal", "17", 3}});
  made.Edges(2, {{"property", "cache", 3}});
  made.Edges(3, {{"internal", "table", 4}});
  made.Edges(4, {{"internal", "515", 5}, {"element", "7", 6}});
  made.Edges(6, {{"weak", "1", 2}, {"property", "self", 6}, {"property", "previous", 5}});
  return made;
}

std::string TypeOf(const CollectingSink& sink, uint64_t address) {
  return sink.type_names.at(sink.objects.at(address).type);
}

TEST(V8Snapshot, NodesAreObjectsAtTheirIds) {
  const auto [read, sink] = ReadText(SpanCache().Json());
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->damage, "");
  ASSERT_EQ(sink.objects.size(), 6u);
  EXPECT_EQ(sink.objects.count(1), 0u) << "the root is no object";
  EXPECT_EQ(sink.objects.at(9).bytes, 1000u);
  EXPECT_EQ(TypeOf(sink, 5), "global");
  EXPECT_EQ(TypeOf(sink, 9), "(array)");
  EXPECT_TRUE(sink.types.at(sink.objects.at(9).type).internal);
  EXPECT_FALSE(sink.types.at(sink.objects.at(11).type).internal);
  EXPECT_EQ(TypeOf(sink, 11), "Span");
  EXPECT_EQ(TypeOf(sink, 13), "Detached Span");
  EXPECT_EQ(sink.facts.at("addresses"), "ids");
  EXPECT_EQ(sink.facts.at("nodes"), "7");
  EXPECT_EQ(sink.facts.at("detached nodes"), "1");
  EXPECT_EQ(sink.facts.at("detached bytes"), "100");
}

TEST(V8Snapshot, EdgesKeepTheirNamesAndIndexes) {
  const auto [read, sink] = ReadText(SpanCache().Json());
  ASSERT_TRUE(read);
  const auto& cache = sink.objects.at(5).references;
  ASSERT_EQ(cache.size(), 1u);
  EXPECT_EQ(cache[0].target, 7u);
  EXPECT_EQ(cache[0].label.kind(), Label::Kind::kName);
  EXPECT_EQ(sink.names.at(cache[0].label.number()), "cache");
  EXPECT_EQ(sink.objects.at(7).references[0].label.kind(), Label::Kind::kHidden);
  const auto& slots = sink.objects.at(9).references;
  ASSERT_EQ(slots.size(), 2u);
  EXPECT_EQ(slots[0].label, Label(Label::Kind::kIndex, 515));
  EXPECT_EQ(slots[1].label, Label(Label::Kind::kIndex, 7));
}

TEST(V8Snapshot, WeakEdgesAndSelfEdgesHoldNothing) {
  const auto [read, sink] = ReadText(SpanCache().Json());
  ASSERT_TRUE(read);
  ASSERT_EQ(sink.objects.at(13).references.size(), 1u);
  EXPECT_EQ(sink.objects.at(13).references[0].target, 11u);
}

TEST(V8Snapshot, WhatGlobalsReachIsNotHeldByTheRuntime) {
  const auto [read, sink] = ReadText(SpanCache().Json());
  ASSERT_TRUE(read);
  EXPECT_TRUE(sink.objects.at(3).references.empty()) << "(GC roots) -> the page-owned Map";
  EXPECT_EQ(sink.holders.at("(GC roots)").kind, RootKind::kSystem);
  EXPECT_EQ(sink.holders.at("(GC roots)").references[0].target, 3u);
  EXPECT_EQ(sink.holders.at("global").kind, RootKind::kGlobal);
  EXPECT_EQ(sink.holders.at("global").references[0].target, 5u);
  EXPECT_TRUE(sink.types.at(sink.objects.at(5).type).internal) << "the holder stands for it";
}

TEST(V8Snapshot, AValueOfAWeakMapIsHeldByItsKey) {
  MadeSnapshot made;
  made.Node("synthetic", "", 1, 0);
  made.Node("object", "WeakMap", 5, 24);
  made.Node("array", "", 7, 100);
  made.Node("object", "Key", 9, 16);
  made.Node("object", "Value", 11, 16);
  const std::string pair =
      "8 / part of key (Key @9) -> value (Value @11) pair in WeakMap (table @7)";
  made.Edges(0, {{"element", "1", 1}, {"element", "2", 3}});
  made.Edges(1, {{"internal", "table", 2}});
  made.Edges(2, {{"weak", "7", 3}, {"internal", pair, 4}});
  made.Edges(3, {{"internal", pair, 4}});
  const auto [read, sink] = ReadText(made.Json());
  ASSERT_TRUE(read);
  EXPECT_TRUE(sink.objects.at(7).references.empty());
  ASSERT_EQ(sink.objects.at(9).references.size(), 1u);
  EXPECT_EQ(sink.objects.at(9).references[0].target, 11u);
  EXPECT_EQ(sink.names.at(sink.objects.at(9).references[0].label.number()), "value in WeakMap @7");
}

TEST(V8Snapshot, WhatTheRootDoesNotReachIsHeldWeakly) {
  MadeSnapshot made;
  made.Node("synthetic", "", 1, 0);
  made.Node("object", "Held", 3, 8);
  made.Node("object", "Child", 5, 8);
  made.Node("object", "Orphan", 7, 8);
  made.Node("object", "Ring", 9, 8);
  made.Node("object", "Ring", 11, 8);
  made.Edges(0, {{"element", "1", 1}});
  made.Edges(1, {{"weak", "1", 3}});
  made.Edges(3, {{"property", "child", 2}});
  made.Edges(4, {{"property", "next", 5}});
  made.Edges(5, {{"property", "next", 4}});
  const auto whole = ReadText(made.Json());
  ASSERT_TRUE(whole.read);
  const auto& orphans = whole.sink.holders.at("(weakly held)").references;
  ASSERT_EQ(orphans.size(), 3u);  // Child is held by Orphan; a ring's members each by the root
  EXPECT_EQ(orphans[0].target, 7u);
  EXPECT_EQ(orphans[1].target, 9u);
  EXPECT_EQ(orphans[2].target, 11u);
  const auto without = ReadText(made.Json(), {.scratch = nullptr, .keep_unreached = false});
  EXPECT_EQ(without.sink.holders.count("(weakly held)"), 0u);
  EXPECT_EQ(without.sink.facts.at("weakly held nodes"), "3");
}

TEST(V8Snapshot, OldFilesHaveFewerFields) {
  MadeSnapshot made = SpanCache();
  made.old_format = true;
  const auto [read, sink] = ReadText(made.Json());
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(TypeOf(sink, 13), "Span");
  EXPECT_EQ(sink.objects.at(9).references[0].target, 11u);
}

TEST(V8Snapshot, TypesThatAreNewAreClassesOfTheirOwn) {
  MadeSnapshot made;
  made.Node("synthetic", "", 1, 0);
  made.Node("something new", "x", 3, 8);
  made.Edges(0, {{"element", "1", 1}});
  const auto [read, sink] = ReadText(made.Json());
  ASSERT_TRUE(read);
  EXPECT_EQ(TypeOf(sink, 3), "(something new)");
}

TEST(V8Snapshot, ElementsAreOneClassWhateverTheirAttributes) {
  MadeSnapshot made;
  made.Node("synthetic", "", 1, 0);
  made.Node("native", "<div id=\\\"a\\\">", 2, 8);
  made.Node("native", "<div id=\\\"b\\\">", 4, 8);
  made.Node("native", "Detached <div id=\\\"c\\\">", 6, 8, 2);
  made.Edges(0, {{"element", "1", 1}, {"element", "2", 2}, {"element", "3", 3}});
  const auto [read, sink] = ReadText(made.Json());
  ASSERT_TRUE(read);
  EXPECT_EQ(sink.objects.at(2).type, sink.objects.at(4).type);
  EXPECT_EQ(TypeOf(sink, 2), "<div>");
  EXPECT_EQ(TypeOf(sink, 6), "Detached <div>");
}

TEST(V8Snapshot, IdsThatAreThereTwiceAreNotUsed) {
  for (const uint64_t id : {uint64_t{3}, uint64_t{0}, uint64_t{1} << 32}) {
    MadeSnapshot made;
    made.Node("synthetic", "", 1, 0);
    made.Node("object", "A", 3, 8);
    made.Node("object", "B", id, 8);
    made.Edges(0, {{"element", "1", 1}, {"element", "2", 2}});
    const auto [read, sink] = ReadText(made.Json());
    ASSERT_TRUE(read);
    EXPECT_EQ(sink.facts.at("v8 ids"), "unusable") << id;
    EXPECT_EQ(TypeOf(sink, 2), "A");
    EXPECT_EQ(TypeOf(sink, 3), "B");
    EXPECT_EQ(sink.holders.at("A").references[0].target, 2u);
    EXPECT_EQ(sink.holders.at("B").references[0].target, 3u);
  }
}

TEST(V8Snapshot, SizesAndIdsOfManyDigitsAreRead) {
  MadeSnapshot made;
  made.Node("synthetic", "", 1, 0);
  made.Node("native", "Buffer", 2259795392, 12345678901);
  made.Node("native", "Buffer", 4, 12345678);
  made.Edges(0, {{"element", "123456789", 1}, {"element", "12345678", 2}});
  // Enough of them for the quick way, which needs a stretch of bytes ahead.
  for (uint64_t i = 0; i < 64; ++i) made.Node("object", "Filler", 1001 + 2 * i, i);
  const auto [read, sink] = ReadText(made.Json());
  ASSERT_TRUE(read);
  EXPECT_EQ(sink.objects.at(2259795392).bytes, 12345678901u);
  EXPECT_EQ(sink.objects.at(4).bytes, 12345678u);
  for (uint64_t i = 0; i < 64; ++i) EXPECT_EQ(sink.objects.at(1001 + 2 * i).bytes, i);
}

TEST(V8Snapshot, WhiteSpaceDoesNotMatter) {
  std::string spaced;
  bool quoted = false;
  for (const char c : SpanCache().Json()) {
    quoted ^= c == '"';
    spaced += c;
    if (!quoted && (c == ',' || c == '[' || c == ':')) spaced += " \t\r\n";
  }
  const auto [read, sink] = ReadText(spaced);
  ASSERT_TRUE(read) << read.error().message;
  const auto plain = ReadText(SpanCache().Json());
  EXPECT_EQ(sink.objects.size(), plain.sink.objects.size());
  EXPECT_EQ(sink.objects.at(9).references.size(), 2u);
}

TEST(V8Snapshot, EscapesInNamesAreText) {
  MadeSnapshot made;
  made.Node("synthetic", "", 1, 0);
  made.Node("object", "Gr\\u00f6\\u00dfe \\ud83d\\ude00 \\ud83d\\n", 3, 8);
  made.Edges(0, {{"element", "1", 1}});
  const auto [read, sink] = ReadText(made.Json());
  ASSERT_TRUE(read);
  EXPECT_EQ(TypeOf(sink, 3), "Gr\u00f6\u00dfe \U0001f600 \ufffd\n");
}

TEST(V8Snapshot, AReadingAgainTellsTheSame) {
  const std::string text = SpanCache().Json();
  auto source = OpenV8Snapshot(BytesInMemory(std::as_bytes(std::span(text))));
  CollectingSink first, second;
  ASSERT_TRUE((*source)->Read(first, {.references = false, .contents = false}));
  ASSERT_TRUE((*source)->Read(second, kAll));
  EXPECT_EQ(first.objects.size(), second.objects.size());
  EXPECT_EQ(first.holders.size(), second.holders.size());
  EXPECT_EQ(first.facts, second.facts);
  EXPECT_EQ(second.objects.at(9).references.size(), 2u);
}

TEST(V8Snapshot, RetainedSizesFollowTheRules) {
  const std::string text = SpanCache().Json();
  auto source = OpenV8Snapshot(BytesInMemory(std::as_bytes(std::span(text))));
  heapgraph::HeapScratch scratch;
  const auto graph = heapgraph::BuildGraph(**source, scratch);
  ASSERT_TRUE(graph) << graph.error().message;
  const auto tree = heapgraph::ComputeDominators(**graph, scratch);
  ASSERT_TRUE(tree);
  const auto retained = [&](uint64_t id) { return tree->retained_bytes((*graph)->Find(id)); };
  EXPECT_EQ(retained(3), 0u);
  EXPECT_EQ(retained(5), 1272u);
  EXPECT_EQ(retained(7), 1232u);
  EXPECT_EQ(retained(9), 1200u);
  EXPECT_EQ(tree->garbage_objects, 0u);
}

}  // namespace
}  // namespace tidemark::v8heap
