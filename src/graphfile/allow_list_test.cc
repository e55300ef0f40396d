// What of a dump's contents goes through the filter: spans' times and ids, and their names.
#include "graphfile/allow_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "heapgraph/collecting_sink.h"

namespace tidemark::graphfile {
namespace {

using heapgraph::CollectingSink;
using heapgraph::Label;
using heapgraph::ObjectEvent;
using heapgraph::Reference;

constexpr uint64_t kSpan = 0xc000400000, kName = 0xc000500010, kAttributes = 0xc000600000;

// A span as v1.28 of the SDK lays it out in a slot of 416 bytes; every byte that no field claims is
// 'S', for secret.
class MadeSpan {
 public:
  explicit MadeSpan(size_t shift = 0) : shift_(shift) {
    bytes_.fill(std::byte{'S'});
    Word(24, 0);
    Word(32, 0);
    Word(40, 0);
    Word(88, 2);
    Word(96, kName);
    Word(104, 9);
    Word(112, uint64_t{1} << 63 | uint64_t{4452290000} << 30 | 5000);  // in 2026
    Word(120, 777);
    Word(128, 0);
    Word(136, uint64_t{1} << 63 | uint64_t{4452290001} << 30 | 6000);
    Word(144, 778);
    Word(152, 0);
    Word(160, 1);
    Word(168, 0);
    Word(176, 0);
    Word(184, 0);
    Word(192, 0x1111);
    Word(200, 0x2222);
    Word(208, 0x3333);
    Word(256, kAttributes);
    Word(264, 2);
    Word(272, 4);
    Word(280, 0);
    references_ = {{kName, Label(Label::Kind::kOffset, 96 - shift)},
                   {kAttributes, Label(Label::Kind::kOffset, 256 - shift)}};
  }
  void Word(size_t offset, uint64_t word) {
    std::memcpy(bytes_.data() + offset - shift_, &word, sizeof word);
  }
  void Tell(heapgraph::HeapSink& sink, uint64_t address = kSpan) const {
    ObjectEvent event;
    event.address = address;
    event.bytes = 416;
    event.references = references_;
    event.contents = bytes_;
    sink.OnObject(event);
  }

 private:
  const size_t shift_;
  std::array<std::byte, 416> bytes_;
  std::vector<Reference> references_;
};

void TellString(heapgraph::HeapSink& sink, uint64_t address, std::string_view text) {
  sink.OnObject({address, text.size(), 0, {}, std::as_bytes(std::span(text)), true});
}

std::string Contents(const CollectingSink& sink, uint64_t address) {
  const auto& contents = sink.objects.at(address).contents;
  return {reinterpret_cast<const char*>(contents.data()), contents.size()};
}

uint64_t WordOf(const CollectingSink& sink, size_t offset) {
  uint64_t word;
  std::memcpy(&word, sink.objects.at(kSpan).contents.data() + offset, sizeof word);
  return word;
}

TEST(AllowList, KeepsOfASpanItsTimesIdsKindAndName) {
  CollectingSink out;
  AllowList filter(out, {});
  MadeSpan().Tell(filter);
  const auto totals = filter.Finish();
  EXPECT_EQ(totals.spans, 1u);
  EXPECT_EQ(totals.span_ids, 1u);
  ASSERT_EQ(out.objects.at(kSpan).contents.size(), kSpanBytes);
  EXPECT_EQ(out.objects.at(kSpan).references.size(), 2u);
  EXPECT_EQ(WordOf(out, 88), 2u);
  EXPECT_EQ(WordOf(out, 96), kName);
  EXPECT_EQ(WordOf(out, 112) & 0x3fffffff, 5000u);
  EXPECT_EQ(WordOf(out, 120), 0u) << "the monotonic clock says nothing more";
  EXPECT_EQ(WordOf(out, 192), 0x1111u);
  EXPECT_EQ(WordOf(out, 208), 0x3333u);
  EXPECT_EQ(WordOf(out, 256), 0u) << "where the attributes are is a reference already";
  EXPECT_EQ(WordOf(out, 264), 2u);
}

TEST(AllowList, KeepsNoByteThatNoFieldClaims) {
  CollectingSink out;
  AllowList filter(out, {});
  MadeSpan().Tell(filter);
  (void)filter.Finish();
  // The flags' byte, the remote marks and one word's upper half may be of any value.
  const std::string contents = Contents(out, kSpan);
  EXPECT_LE(std::count(contents.begin(), contents.end(), 'S'), 4);
  EXPECT_EQ(contents.find("SS"), std::string::npos);
}

TEST(AllowList, KnowsTheOldLayout) {
  CollectingSink out;
  AllowList filter(out, {});
  MadeSpan(16).Tell(filter);
  EXPECT_EQ(filter.Finish().spans, 1u);
  EXPECT_EQ(WordOf(out, 88 - 16), 2u);
  EXPECT_EQ(out.objects.at(kSpan).contents.size(), kSpanBytes - 16);
}

TEST(AllowList, KeepsNamesThatComeAfterOrJustBeforeTheirSpan) {
  for (const bool before : {true, false}) {
    CollectingSink out;
    AllowList filter(out, {});
    const auto names = [&] {
      TellString(filter, kName - 16, "password=hunter2");
      TellString(filter, kName, "GET /carthunter2");
    };
    if (before) names();
    MadeSpan().Tell(filter);
    if (!before) names();
    const auto totals = filter.Finish();
    EXPECT_EQ(totals.names, 1u);
    EXPECT_EQ(totals.names_lost, 0u);
    EXPECT_EQ(Contents(out, kName), "GET /cart") << before;
    EXPECT_EQ(Contents(out, kName - 16), "");
    EXPECT_EQ(out.objects.at(kName - 16).bytes, 16u);
  }
}

TEST(AllowList, ZeroesWhatLiesBeforeANameInItsObject) {
  for (const size_t size : {size_t{200}, size_t{2000}}) {
    CollectingSink out;
    AllowList filter(out, {});
    MadeSpan().Tell(filter);
    std::string buffer(size, 'x');
    buffer.replace(100, 9, "GET /cart");
    TellString(filter, kName - 100, buffer);
    (void)filter.Finish();
    EXPECT_EQ(Contents(out, kName - 100), std::string(100, '\0') + "GET /cart");
  }
}

TEST(AllowList, CutsLongNames) {
  CollectingSink out;
  AllowList filter(out, {});
  MadeSpan span;
  span.Word(104, 300);
  span.Tell(filter);
  TellString(filter, kName, std::string(400, 'n'));
  (void)filter.Finish();
  EXPECT_EQ(Contents(out, kName), std::string(256, 'n'));
}

TEST(AllowList, KeepsTheFirstStringsOfADumpAndCountsNamesThatWentBy) {
  CollectingSink out;
  AllowList filter(out, {});
  TellString(filter, kName, "GET /cart, told first");
  for (uint64_t i = 0; i < 100'000; ++i)
    TellString(filter, 0xc010000000 + 16 * i, "GET /pay........");
  MadeSpan().Tell(filter);
  MadeSpan late;
  late.Word(96, 0xc010000000 + 16 * 20'000);
  std::vector<Reference> references = {
      {0xc010000000 + 16 * 20'000, Label(Label::Kind::kOffset, 96)}};
  ObjectEvent event;
  CollectingSink told;
  late.Tell(told);
  event.address = kSpan + 416;
  event.bytes = 416;
  event.references = references;
  event.contents = told.objects.at(kSpan).contents;
  filter.OnObject(event);
  const auto totals = filter.Finish();
  EXPECT_EQ(totals.spans, 2u);
  EXPECT_EQ(totals.names, 1u);
  EXPECT_EQ(totals.names_lost, 1u);
  EXPECT_EQ(Contents(out, kName), "GET /cart");
  EXPECT_EQ(out.objects.size(), 100'003u);
  EXPECT_EQ(out.facts.at("shrink span names lost"), "1");
}

TEST(AllowList, ThinsTheIdsOfManySpans) {
  for (const bool all : {false, true}) {
    CollectingSink out;
    AllowList filter(out, {.all_span_ids = all});
    for (uint64_t i = 0; i < 32768; ++i) MadeSpan().Tell(filter, kSpan + 416 * i);
    const auto totals = filter.Finish();
    EXPECT_EQ(totals.spans, 32768u);
    // 8,192 whole, half of as many, a quarter of twice as many.
    EXPECT_EQ(totals.span_ids, all ? 32768u : 8192u + 4096u + 4096u);
    const uint64_t odd = kSpan + 416 * 8193;
    EXPECT_EQ(out.objects.at(odd).contents.size(), all ? kSpanBytes : kSpanBytesWithoutIds);
  }
}

TEST(AllowList, StrictKeepsNothing) {
  CollectingSink out;
  AllowList filter(out, {.strict = true});
  MadeSpan().Tell(filter);
  TellString(filter, kName, "GET /cart");
  EXPECT_EQ(filter.Finish().spans, 0u);
  EXPECT_EQ(Contents(out, kSpan), "");
  EXPECT_EQ(Contents(out, kName), "");
  EXPECT_EQ(out.facts.at("shrink contents"), "none");
}

TEST(AllowList, WhatOnlyHasASpansSizeIsNone) {
  const auto is_span = [](size_t offset, uint64_t word) {
    CollectingSink out;
    AllowList filter(out, {});
    MadeSpan span;
    span.Word(offset, word);
    span.Tell(filter);
    return filter.Finish().spans == 1;
  };
  EXPECT_TRUE(is_span(88, 5));
  EXPECT_FALSE(is_span(88, 6)) << "kind";
  EXPECT_FALSE(is_span(96, kName + 1)) << "the name is not where the reference goes";
  EXPECT_FALSE(is_span(112, 0)) << "began in the year 1";
  EXPECT_FALSE(is_span(136, 12345)) << "ended in the year 1";
  EXPECT_FALSE(is_span(160, 3)) << "status";
  EXPECT_FALSE(is_span(208, 0)) << "no span id";
  EXPECT_FALSE(is_span(264, 5)) << "more attributes than room";
}

TEST(AllowList, HoldersGiveUpTheirContents) {
  class Holders : public CollectingSink {
   public:
    void OnHolder(const heapgraph::HolderEvent& holder) override {
      contents += holder.contents.size();
      CollectingSink::OnHolder(holder);
    }
    size_t contents = 0;
  } out;
  AllowList filter(out, {});
  const std::string segment(64, 'S');
  filter.OnHolder(
      {heapgraph::RootKind::kSegment, "data", 4096, 64, {}, std::as_bytes(std::span(segment))});
  EXPECT_EQ(out.holders.size(), 1u);
  EXPECT_EQ(out.contents, 0u);
}

}  // namespace
}  // namespace tidemark::graphfile
