#include "goheap/go_memory_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "goheap/elf_core.h"
#include "goheap/go_memory_builder.h"
#include "heapgraph/collecting_sink.h"

namespace tidemark::goheap {
namespace {

using heapgraph::CollectingSink;
using heapgraph::Label;
using heapgraph::RootKind;
using testing::ElementsAre;
using testing::HasSubstr;

using Builder = GoMemoryBuilder;

struct Heap {
  CollectingSink sink;
  std::string damage;
};

// What the memory tells, read twice: the same.
Heap Read(Builder& builder, std::function<void(std::string&)> change = {}) {
  std::string bytes = builder.Core();
  if (change) change(bytes);
  auto core = ElfCore::Parse(std::as_bytes(std::span(bytes)));
  EXPECT_TRUE(core) << core.error().message;
  const GoProgram& program = builder.program();
  const MemoryImage& image = (*core)->image();
  auto tables = ReadGoHeapTables(image, program.layout, program.addresses, {});
  EXPECT_TRUE(tables) << tables.error().message;
  if (!tables) return {};
  GoMemorySource source("go core", program, std::move(*tables), image, image, nullptr, "");
  Heap first, heap;
  EXPECT_TRUE(source.Read(first.sink, {}));
  heap.damage = source.Read(heap.sink, {})->damage;
  EXPECT_EQ(first.sink.objects.size(), heap.sink.objects.size());
  EXPECT_EQ(first.sink.type_names, heap.sink.type_names);
  return heap;
}

std::vector<uint64_t> Targets(const Heap& heap, uint64_t object) {
  std::vector<uint64_t> targets;
  const auto found = heap.sink.objects.find(object);
  if (found == heap.sink.objects.end()) return {0xdead};
  for (const auto& reference : found->second.references) targets.push_back(reference.target);
  return targets;
}

class EveryVersion : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Go1, EveryVersion, testing::Range(19, 28));

// Marks words of an object with 48-byte slots as its version does.
void MarkPointers(Builder& builder, uint64_t span, uint64_t slot, std::vector<uint64_t> words) {
  const GoVersion& version = builder.program().version;
  for (const uint64_t word : words) {
    if (version.malloc_headers) {
      const uint64_t bitmap = span + 8192 - 128 - (version.green_tea ? 128 : 0);
      builder.Bit(bitmap, slot * 6 + word);
    } else {
      builder.PointerBeside(span + slot * 48 + word * 8);
    }
  }
  if (version.minor == 19) {
    for (uint64_t word = 0; word <= words.back(); ++word) {
      builder.MorePointers(span + slot * 48 + word * 8);
    }
  }
}

TEST_P(EveryVersion, AllocatedSlotsAndTheirPointersAreFound) {
  Builder builder(GetParam());
  const uint64_t span = builder.Span(1, 48, 160, 2, false, 5);
  builder.Allocated(4);
  const uint64_t text = builder.Span(1, 1024, 8, 1, true, 32);
  builder.Word(span + 8, text).Word(span + 40, span + 48 + 16);        // of slot 0
  builder.Word(span + 48, text + 100).Word(span + 4 * 48 + 24, span);  // of slots 1 and 4
  builder.Word(span + 16, text);                                       // no pointer
  MarkPointers(builder, span, 0, {1, 5});
  MarkPointers(builder, span, 1, {0, 4});  // the second is nil
  MarkPointers(builder, span, 4, {3});
  const Heap heap = Read(builder);
  EXPECT_EQ(heap.damage, "");
  EXPECT_EQ(heap.sink.objects.size(), 4u);
  EXPECT_THAT(Targets(heap, span), ElementsAre(text, span + 64));
  EXPECT_THAT(Targets(heap, span + 48), ElementsAre(text + 100));
  EXPECT_THAT(Targets(heap, span + 4 * 48), ElementsAre(span));
  EXPECT_EQ(heap.sink.objects.at(span).references[1].label, Label(Label::Kind::kOffset, 40));
  EXPECT_EQ(heap.sink.objects.at(span).contents.size(), 48u);
  EXPECT_TRUE(heap.sink.objects.at(text).pointer_free);
  EXPECT_FALSE(heap.sink.objects.at(span).pointer_free);
  EXPECT_EQ(heap.sink.facts.at("go version"), builder.program().version_text);
}

TEST_P(EveryVersion, GlobalsAreSegmentsWithTheirPointers) {
  Builder builder(GetParam());
  const uint64_t text = builder.Span(1, 1024, 8, 1, true, 32);
  builder.Word(Builder::kData + 8, text).Word(Builder::kData + 16, text);
  builder.Word(Builder::kBss + 56, text + 8);
  builder.Bit(Builder::kMasks, 1).Bit(Builder::kMasks + 8, 7);
  const Heap heap = Read(builder);
  const auto& data = heap.sink.holders.at("data");
  EXPECT_EQ(data.kind, RootKind::kSegment);
  EXPECT_EQ(data.address, Builder::kData);
  EXPECT_EQ(data.bytes, 64u);
  ASSERT_EQ(data.references.size(), 1u);
  EXPECT_EQ(data.references[0].label, Label(Label::Kind::kOffset, 8));
  ASSERT_EQ(heap.sink.holders.at("bss").references.size(), 1u);
  EXPECT_EQ(heap.sink.holders.at("bss").references[0].target, text + 8);
}

TEST_P(EveryVersion, AGoroutinesStackIsScannedFromItsStackPointer) {
  Builder builder(GetParam());
  const uint64_t text = builder.Span(1, 1024, 8, 1, true, 32);
  builder.Goroutine(17, 4, Builder::kStack + 1024);
  builder.Word(Builder::kStack + 1000, text);  // left over
  builder.Word(Builder::kStack + 1024, text + 5).Word(Builder::kStack + 1032, text + 1024);  // free
  const Heap heap = Read(builder);
  const auto& stack = heap.sink.holders.at("goroutine 17 [waiting]");
  EXPECT_EQ(stack.kind, RootKind::kStack);
  ASSERT_EQ(stack.references.size(), 2u);  // the g itself, and the word
  EXPECT_EQ(stack.references[1].target, text + 5);
  EXPECT_EQ(heap.sink.names.at(stack.references[1].label.number()), "stack-3072 (maybe)");
}

class WithHeaders : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Go1, WithHeaders, testing::Range(22, 28));

TEST_P(WithHeaders, ObjectsWithAHeaderHaveItsTypeAndItsMaskForEachElement) {
  Builder builder(GetParam());
  const uint64_t type = builder.Type(256, 24, 16, 0b10, 25, 3000, "main.Pair");
  const uint64_t span = builder.Span(1, 1024, 8, 1, false, 32);
  const uint64_t text = builder.Span(1, 1024, 8, 1, true, 32);
  builder.Word(span, type);
  builder.Word(span + 8 + 8, text).Word(span + 8 + 24 + 8, text + 8);
  builder.Word(span + 8 + 41 * 24 + 8, text + 16).Word(span + 8, text);  // last element; no pointer
  const Heap heap = Read(builder);
  EXPECT_EQ(heap.sink.objects.at(span).type, type);
  EXPECT_EQ(heap.sink.type_names.at(type), "main.Pair");
  EXPECT_EQ(heap.sink.types.at(type).bytes, 24u);
  EXPECT_THAT(Targets(heap, span), ElementsAre(text, text + 8, text + 16));
}

TEST_P(WithHeaders, ALargeObjectsTypeIsInItsSpan) {
  Builder builder(GetParam());
  const uint64_t type = builder.Type(256, 24, 16, 0b10, 25, 3000, "main.Pair");
  const uint64_t span = builder.Span(8, 8 * 8192, 1, 1, false, 0);
  builder.Word(builder.SpanStruct() + builder.program().layout.span_large_type, type);
  builder.Word(span + 24 * 1000 + 8, span + 4096);
  const Heap heap = Read(builder);
  EXPECT_EQ(heap.sink.objects.at(span).type, type);
  EXPECT_EQ(heap.sink.objects.at(span).bytes, 8u * 8192);
  EXPECT_THAT(Targets(heap, span), ElementsAre(span + 4096));
  EXPECT_EQ(heap.sink.objects.at(span).references[0].label,
            Label(Label::Kind::kOffset, 24 * 1000 + 8));
}

TEST_P(WithHeaders, TheWordBeforeAPointerTellsTheTypeBehindAnInterface) {
  Builder builder(GetParam());
  const uint64_t type = builder.Type(256, 24, 16, 0b10, 25, 3000, "main.Pair");
  const uint64_t reader = builder.Type(512, 16, 16, 0b11, 20, 3100, "io.Reader");
  const uint64_t itab = Builder::kTypes + 2048;
  builder.Word(itab, reader).Word(itab + 8, type).Number(itab + 16, 0x1234 + 256, 4);
  const uint64_t span = builder.Span(1, 48, 160, 3, false, 5);
  builder.Word(span, itab).Word(span + 8, span + 48).Word(span + 16, type);
  builder.Word(span + 24, span + 96).Word(span + 32, 12345).Word(span + 40, span + 48);
  MarkPointers(builder, span, 0, {1, 3, 5});
  const Heap heap = Read(builder);
  const auto& references = heap.sink.objects.at(span).references;
  ASSERT_EQ(references.size(), 3u);
  EXPECT_EQ(references[0].target_type, type);
  EXPECT_EQ(references[1].target_type, type);
  EXPECT_EQ(references[2].target_type, 0u);
}

TEST(GoMemorySourceTest, UpTo121AnObjectsPointersEndWhereTheRuntimeSaysSo) {
  for (const int minor : {19, 20, 21}) {
    Builder builder(minor);
    const uint64_t span = builder.Span(1, 1024, 8, 1, false, 32);
    builder.Word(span + 8, span + 64).Word(span + 520, span + 64);
    builder.PointerBeside(span + 8).PointerBeside(span + 520);  // the second is left over
    if (minor == 19) builder.MorePointers(span).MorePointers(span + 8);
    if (minor != 19) builder.NoMorePointers(span);
    EXPECT_THAT(Targets(Read(builder), span), ElementsAre(span + 64)) << minor;
  }
}

TEST(GoMemorySourceTest, ASpanWhoseMemoryIsMissingIsCountedAndItsObjectsStay) {
  Builder builder(24);
  const uint64_t span = builder.Span(1, 48, 160, 2, false, 5);
  const Heap heap = Read(builder, [](std::string& core) {
    // The heap is the last segment.
    core.resize(core.size() - 100);
  });
  EXPECT_EQ(heap.sink.objects.size(), 2u);
  EXPECT_TRUE(heap.sink.objects.contains(span));
  EXPECT_THAT(heap.damage, HasSubstr("1 spans of the heap (8192 bytes) are not in the memory"));
}

TEST(GoMemorySourceTest, SpansThatMakeNoSenseAreLeftOut) {
  Builder builder(24);
  builder.Span(1, 48, 2000, 2, false, 5);  // more slots than there is room
  builder.Span(1, 48, 160, 2, false, 5);
  builder.Span(1, 48, 160, 2, false, 5);
  builder.Word(builder.SpanStruct() + builder.program().layout.span_start, Builder::kHeap + 8192);
  const Heap heap = Read(builder);
  EXPECT_EQ(heap.sink.objects.size(), 2u);
  EXPECT_THAT(heap.damage, HasSubstr("2 of 3 spans make no sense"));
}

TEST(GoMemorySourceTest, FunctionsOfFinalizersAreHeldByTheRuntime) {
  Builder builder(26);
  const uint64_t text = builder.Span(1, 1024, 8, 1, true, 32);
  const uint64_t special = Builder::kGoroutines + 2048;
  const RuntimeLayout& at = builder.program().layout;
  builder.Word(builder.SpanStruct() + at.span_specials, special);
  builder.Number(special + at.special_kind, at.kind_finalizer, 1);
  builder.Word(special + at.special_payload, text)
      .Word(special, special);  // a list that goes round
  const Heap heap = Read(builder);
  const auto& holder = heap.sink.holders.at("runtime finalizers");
  EXPECT_EQ(holder.kind, RootKind::kFinalizer);
  EXPECT_EQ(holder.references.at(0).target, text);
}

TEST(GoMemorySourceTest, MemoryOfAnotherProgramIsAnError) {
  Builder builder(24);
  builder.Span(1, 48, 160, 2, false, 5);
  std::string bytes = builder.Core();
  const auto core = ElfCore::Parse(std::as_bytes(std::span(bytes)));
  const GoProgram& program = builder.program();
  const auto read = [&](RuntimeAddresses addresses) {
    const auto tables = ReadGoHeapTables((*core)->image(), program.layout, addresses, {});
    return tables ? "(no error)" : tables.error().message;
  };
  RuntimeAddresses wrong = program.addresses;
  wrong.heap += 8;
  EXPECT_THAT(read(wrong), HasSubstr("runtime.mheap_ at 0x100008"));
  wrong = program.addresses;
  wrong.first_module += 64;
  EXPECT_THAT(read(wrong), HasSubstr("not the executable of this memory"));
}

}  // namespace
}  // namespace tidemark::goheap
