// Dumps that are cut, flipped or made to harm: an error or a part with the place of the damage,
// never a crash.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "goheap/go_dump_reader.h"
#include "goheap/go_dump_writer.h"
#include "heapgraph/collecting_sink.h"

namespace tidemark::goheap {
namespace {

using heapgraph::CollectingSink;
using heapgraph::ReadOutcome;
using testing::HasSubstr;

constexpr uint64_t kA = GoDumpWriter::kArena;

Result<ReadOutcome> Read(const std::string& dump, CollectingSink& sink) {
  return OpenGoDump(BytesInMemory(std::as_bytes(std::span(dump))))->Read(sink, {});
}

// What is wrong with a dump of which something could be read.
std::string DamageOf(const GoDumpWriter& dump) {
  CollectingSink sink;
  const auto outcome = Read(dump.bytes(), sink);
  return outcome ? outcome->damage : "error: " + outcome.error().message;
}

std::string ErrorOf(const std::string& dump) {
  CollectingSink sink;
  const auto outcome = Read(dump, sink);
  return outcome ? "no error" : outcome.error().message;
}

// One of each record. Objects are 16 of 64 bytes.
GoDumpWriter Everything() {
  GoDumpWriter dump;
  dump.Type(0x4a1000, 24, "main.Value").Itab(0x4f1000, 0x4a1000);
  for (uint64_t i = 0; i < 16; ++i) {
    dump.Object(kA + i * 64, {0x4f1000, kA, 0, 0, 0, 0, 0, kA + 64}, {8, 56});
  }
  dump.Goroutine(kA, 1, 4, false, "select").Frame("main.main", {kA, 0}, {0, 8});
  dump.Tag(GoTag::kDefer).Numbers({kA, kA, 1, 2, kA, 3, 0});
  dump.Tag(GoTag::kPanic).Numbers({kA, kA, 0x4a1000, kA, 0, 0});
  dump.Tag(GoTag::kThread).Numbers({kA, 1, 4242});
  dump.Segment(GoTag::kData, 0x5000, {kA}, {0}).Segment(GoTag::kBss, 0x6000, {kA}, {0});
  dump.Tag(GoTag::kFinalizer).Numbers({kA, kA, 1, 2, 3});
  dump.Tag(GoTag::kQueuedFinalizer).Numbers({kA, kA, 1, 2, 3});
  dump.MemStats(1024, 16);
  dump.Tag(GoTag::kMemProf)
      .Numbers({7, 64, 1})
      .Text("main.main")
      .Text("main.go")
      .Numbers({9, 1, 0});
  dump.Tag(GoTag::kAllocSample).Numbers({kA, 7});
  return dump.End();
}

TEST(GoDumpDamageTest, ADumpCutAnywhereSaysSo) {
  const std::string whole = Everything().bytes();
  size_t objects = 0;
  for (size_t cut = 0; cut < whole.size(); ++cut) {
    CollectingSink sink;
    const auto outcome = Read(whole.substr(0, cut), sink);
    if (!outcome) {
      EXPECT_EQ(sink.objects.size(), 0u) << cut;
      EXPECT_THAT(outcome.error().message, HasSubstr("offset ")) << cut;
      continue;
    }
    EXPECT_THAT(outcome->damage, HasSubstr("ends")) << cut;
    EXPECT_GE(sink.objects.size(), objects) << cut;
    objects = sink.objects.size();
  }
  EXPECT_EQ(objects, 16u);
}

TEST(GoDumpDamageTest, EveryFlippedBitIsReadOrRefused) {
  const std::string whole = Everything().bytes();
  size_t noticed = 0;
  for (size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string flipped = whole;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
    CollectingSink sink;
    const auto outcome = Read(flipped, sink);
    noticed += !outcome || !outcome->damage.empty();
    EXPECT_LE(sink.objects.size(), 32u);
  }
  EXPECT_GT(noticed, whole.size() / 2);  // most of the bits are contents and addresses
}

TEST(GoDumpDamageTest, WhatIsNoDumpOfItsKindIsRefused) {
  EXPECT_THAT(ErrorOf(""), HasSubstr("not a Go heap dump"));
  EXPECT_THAT(ErrorOf("go1.6 heap dump\n and more"), HasSubstr("not a Go heap dump"));
  EXPECT_THAT(ErrorOf(std::string(kGoDumpMagic)), HasSubstr("offset 16: record: the dump ends"));
  EXPECT_THAT(ErrorOf(std::string(kGoDumpMagic) + '\x01'), HasSubstr("object: comes before"));
  std::string small(kGoDumpMagic);
  small += std::string("\x06\x00\x04\x00\x00\x03", 6) + "386" + std::string("\x06", 1) + "go1.24";
  EXPECT_THAT(ErrorOf(small + std::string("\x02\x00", 2)), HasSubstr("a heap dump of 386: 4-byte"));
}

TEST(GoDumpDamageTest, DamageNamesTheRecordAndThePlace) {
  const auto with = [](auto&& add) {
    GoDumpWriter dump;
    dump.Object(kA, {kA}, {0});
    add(dump);
    return DamageOf(dump);
  };
  const std::string at =
      "offset " + std::to_string(GoDumpWriter().Object(kA, {kA}, {0}).bytes().size());
  EXPECT_EQ(with([](GoDumpWriter& dump) { dump.Number(99); }), at + ": record: tag 99 is unknown");
  EXPECT_EQ(with([](GoDumpWriter& dump) { dump.Object(kA + 8, {1}, {8}); }),
            at + ": object: a slot at offset 8 of 8 bytes, behind 0");
  EXPECT_EQ(with([](GoDumpWriter& dump) {
              dump.Object(kA + 64, {1, 2}, {8, 0});
            }),
            at + ": object: a slot at offset 0 of 16 bytes, behind 16");
  EXPECT_EQ(with([](GoDumpWriter& dump) { dump.Object(kA + 8, {1}, {}); }),
            "offset " +
                std::to_string(
                    GoDumpWriter().Object(kA, {kA}, {0}).Object(kA + 8, {1}, {}).bytes().size()) +
                ": record: the dump ends without its end record");
  EXPECT_THAT(with([](GoDumpWriter& dump) {
                dump.Tag(GoTag::kObject).Number(kA).Number(uint64_t{1} << 40);
              }),
              testing::StartsWith(at + ": object: contents of 1099511627776 bytes"));
  EXPECT_THAT(
      with([](GoDumpWriter& dump) { dump.Tag(GoTag::kBss).Number(kA).Number(uint64_t{1} << 30); }),
      testing::StartsWith(at + ": bss segment: contents of 1073741824 bytes in a dump"));
  EXPECT_THAT(with([](GoDumpWriter& dump) {
                dump.Tag(GoTag::kType).Numbers({0x4a1000, 8}).Number(uint64_t{1} << 50);
              }),
              testing::StartsWith(at + ": type: a text of"));
  EXPECT_EQ(with([](GoDumpWriter& dump) { dump.Frame("main.main", {}, {}); }),
            at + ": stack frame: belongs to no goroutine");
  EXPECT_THAT(with([](GoDumpWriter& dump) { dump.End().Text("more"); }),
              HasSubstr("5 bytes follow the end of the dump"));
}

// The claim is longer than the window, and in a pipe nobody knows what is there.
TEST(GoDumpDamageTest, ALongRecordThatIsCutSaysSo) {
  GoDumpWriter dump;
  dump.Object(kA, {kA}, {0}).Object(kA + (1 << 23), std::vector<uint64_t>(400'000), {8, 16});
  std::string bytes = dump.bytes();
  for (const size_t cut : {size_t{1}, size_t{3}, size_t{1'000'000}}) {
    CollectingSink sink;
    const auto outcome = Read(bytes.substr(0, bytes.size() - cut), sink);
    ASSERT_TRUE(outcome);
    EXPECT_THAT(outcome->damage, HasSubstr(": object: ")) << cut;
    EXPECT_EQ(sink.objects.count(kA), 1u);
  }
}

TEST(GoDumpDamageTest, MoreTypesThanTheTableTakesAreCounted) {
  GoDumpWriter dump;
  constexpr uint64_t kOver = 1000, kWords = uint64_t{1} << 19;
  for (uint64_t i = 0; i < kWords + kOver; ++i) dump.Itab(0x10000000 + i * 8, 0x4a1000);
  dump.Object(kA, {kA}, {0}).End();
  CollectingSink sink;
  const auto outcome = Read(dump.bytes(), sink);
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->damage, "");
  EXPECT_EQ(sink.facts.at("types and itabs over the limit"), std::to_string(kOver));
}

}  // namespace
}  // namespace tidemark::goheap
