#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "heapgraph/collecting_sink.h"
#include "v8heap/made_snapshot.h"
#include "v8heap/snapshot_reader.h"

namespace tidemark::v8heap {
namespace {

using ::testing::HasSubstr;

Result<heapgraph::ReadOutcome> ReadText(const std::string& text) {
  heapgraph::CollectingSink sink;
  auto source = OpenV8Snapshot(BytesInMemory(std::as_bytes(std::span(text))));
  return (*source)->Read(sink, {.references = true, .contents = false});
}

MadeSnapshot Pair() {
  MadeSnapshot made;
  made.Node("synthetic", "", 1, 0);
  made.Node("object", "A", 3, 8);
  made.Node("object", "B", 5, 8);
  made.Edges(0, {{"element", "1", 1}});
  made.Edges(1, {{"property", "b", 2}});
  return made;
}

std::string Replaced(std::string text, const std::string& what, const std::string& by) {
  const size_t at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return text.replace(at, what.size(), by);
}

TEST(V8Damage, AFileCutAnywhereIsAnErrorOrDamage) {
  const std::string whole = Pair().Json();
  const size_t edges_end = whole.find("],", whole.find("\"edges\"")) + 1;
  for (size_t length = 0; length < whole.size(); ++length) {
    const auto read = ReadText(whole.substr(0, length));
    if (length < edges_end) {
      ASSERT_FALSE(read) << length;
      EXPECT_THAT(read.error().message, HasSubstr("offset"));
    } else {
      ASSERT_TRUE(read) << length << ": " << read.error().message;
      EXPECT_THAT(read->damage, HasSubstr("offset " + std::to_string(length)));
    }
  }
}

TEST(V8Damage, EveryByteMayBeWrong) {
  const std::string whole = Pair().Json();
  int refused = 0;
  for (size_t at = 0; at < whole.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string flipped = whole;
      flipped[at] = static_cast<char>(flipped[at] ^ 1 << bit);
      const auto read = ReadText(flipped);  // whatever it says, it comes back
      if (read) continue;
      ++refused;
      EXPECT_FALSE(read.error().message.empty());
    }
  }
  EXPECT_GT(refused, 1000);
}

TEST(V8Damage, ErrorsNameTheSectionTheOffsetAndTheValue) {
  const struct {
    std::string text, message;
  } cases[] = {
      {"", "start at offset 0: the file ends where '{' should be"},
      {"hello", "start at offset 0: expected '{', found 'h'"},
      {"{}", "expected '\"', found '}'"},
      {R"({"nodes":[]})", "they come before \"snapshot\""},
      {R"({"snapshot":{"meta":{"node_fields":["type"]}}})", "node_fields has no \"name\""},
      {Replaced(Pair().Json(), "\"to_node\"", "\"to\""), "edge_fields has no \"to_node\""},
      {Replaced(Pair().Json(), ",2,3,8,", ",2,3,x,"), "nodes at offset"},
      {Replaced(Pair().Json(), "3,2,3,8", "99,2,3,8"), "node 1 has type 99"},
      {Replaced(Pair().Json(), "1,1,7\n", "1,1,8\n"), "edge 0 points to 8"},
      {Replaced(Pair().Json(), "1,1,7\n", "1,1,700\n"), "edge 0 points to 700"},
      {Replaced(Pair().Json(), "1,1,7\n", "9,1,7\n"), "edge 0 has type 9"},
      {Replaced(Pair().Json(), "1,1,7\n", "1,1\n"), "edges at offset"},
      {Replaced(Pair().Json(), "1,1,7\n,", ""), "there are 1, but the nodes have 2"},
      {Replaced(Pair().Json(), "1,1,7\n", "1,1,7\n,1,1,7\n"), "more than the 2 of the nodes"},
      {Replaced(Pair().Json(), "1,1,7\n", "1,1,99999999999999999999999\n"),
       "a number of more than 19 digits"},
  };
  for (const auto& [text, message] : cases) {
    const auto read = ReadText(text);
    ASSERT_FALSE(read) << message;
    EXPECT_THAT(read.error().message, HasSubstr(message));
  }
}

TEST(V8Damage, CountsThatDisagreeAreTold) {
  MadeSnapshot made = Pair();
  made.node_count = "18446744073709551";
  made.edge_count = "0";
  const auto read = ReadText(made.Json());
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_THAT(read->damage, HasSubstr("3 nodes, but snapshot.node_count is 18446744073709551"));
  EXPECT_THAT(read->damage, HasSubstr("2 edges, but snapshot.edge_count is 0"));
}

TEST(V8Damage, MoreEdgesThanCanBeAreRefusedAtOnce) {
  const std::string text = Replaced(Pair().Json(), "3,8,1,0,0", "3,8,9999999999999999999,0,0");
  const auto read = ReadText(text);
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().message, HasSubstr("edges"));
}

TEST(V8Damage, DeepNestingCostsNoStack) {
  MadeSnapshot made = Pair();
  constexpr size_t kDepth = 2'000'000;
  made.trace_tree = std::string(kDepth, '[') + std::string(kDepth, ']');
  const auto read = ReadText(made.Json());
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->damage, "");
}

}  // namespace
}  // namespace tidemark::v8heap
