#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "goheap/go_dump_reader.h"
#include "goheap/go_dump_writer.h"
#include "goheap/go_types.h"
#include "goheap/go_versions.h"
#include "heapgraph/collecting_sink.h"

namespace tidemark::goheap {
namespace {

using heapgraph::CollectingSink;
using heapgraph::HeapSource;
using heapgraph::Label;
using heapgraph::ReadOutcome;
using heapgraph::RootKind;

constexpr uint64_t kA = GoDumpWriter::kArena;

Result<ReadOutcome> Read(const std::string& dump, CollectingSink& sink,
                         HeapSource::Wants wants = {}) {
  return OpenGoDump(BytesInMemory(std::as_bytes(std::span(dump))))->Read(sink, wants);
}

// Reads a dump that must be whole.
CollectingSink Heap(const GoDumpWriter& writer, HeapSource::Wants wants = {}) {
  CollectingSink sink;
  const auto outcome = Read(writer.bytes(), sink, wants);
  EXPECT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome.value_or({}).damage, "");
  EXPECT_EQ(outcome.value_or({}).bytes, writer.bytes().size());
  return sink;
}

std::vector<uint64_t> Words(size_t count, std::vector<std::pair<size_t, uint64_t>> set = {}) {
  std::vector<uint64_t> words(count);
  for (const auto& [index, word] : set) words[index] = word;
  return words;
}

std::string LabelName(const CollectingSink& sink, const heapgraph::Reference& reference) {
  return sink.names.at(reference.label.number());
}

TEST(GoDumpTest, ObjectsComeWithTheirPointersIntoTheHeap) {
  GoDumpWriter dump;
  // An inner pointer, a nil one, and one into the executable.
  dump.Object(kA, {kA + 72, 0, 0x4a0000, 7}, {0, 8, 16}).Object(kA + 64, Words(4), {}).End();
  const CollectingSink heap = Heap(dump);

  ASSERT_EQ(heap.objects.size(), 2u);
  const auto& object = heap.objects.at(kA);
  EXPECT_EQ(object.bytes, 32u);
  EXPECT_FALSE(object.pointer_free);
  ASSERT_EQ(object.references.size(), 1u);
  EXPECT_EQ(object.references[0].target, kA + 72);
  EXPECT_EQ(object.references[0].label, Label(Label::Kind::kOffset, 0));
  EXPECT_EQ(object.contents.size(), 32u);
  EXPECT_TRUE(heap.objects.at(kA + 64).pointer_free);
  EXPECT_EQ(heap.facts.at("pointers out of the heap"), "1");
}

TEST(GoDumpTest, WithoutReferencesTheSameObjectsAndHoldersAreTold) {
  GoDumpWriter dump;
  dump.Object(kA, {kA + 64}, {0}).Goroutine(kA + 512, 7, 4, false, "select");
  dump.Frame("main.f", {kA}, {0}).Segment(GoTag::kData, 0x5000, {kA}, {0}).End();
  const CollectingSink heap = Heap(dump, {.references = false, .contents = false});
  EXPECT_EQ(heap.objects.size(), 1u);
  EXPECT_TRUE(heap.objects.at(kA).references.empty());
  EXPECT_FALSE(heap.objects.at(kA).pointer_free);
  EXPECT_TRUE(heap.objects.at(kA).contents.empty());
  EXPECT_THAT(heap.holders, testing::UnorderedElementsAre(
                                testing::Key("goroutine 7 main.f [select]"), testing::Key("data")));
}

TEST(GoDumpTest, AnInterfaceSaysWhatItsDataWordPointsTo) {
  GoDumpWriter dump;
  dump.Type(0x4a1000, 24, "main.Value").Itab(0x4f1000, 0x4a1000);
  dump.Type(0x4a2000, 8, "*main.Thing").Type(0x4a3000, 8, "main.").Type(0x4a4000, 8, "main.Word");
  dump.Object(kA, {0x4f1000, kA + 512, 0x4a2000, kA + 512, 0x4a3000, kA + 512, 0x4a4000, kA + 512},
              {8, 24, 40, 56});
  dump.End();
  const CollectingSink heap = Heap(dump);

  const auto& references = heap.objects.at(kA).references;
  ASSERT_EQ(references.size(), 4u);
  EXPECT_EQ(references[0].target_type, 0x4a1000u);  // through the itab
  EXPECT_EQ(references[1].target_type, PointeeOf(0x4a2000));
  EXPECT_EQ(references[2].target_type, PointeeOf(0x4a3000));
  EXPECT_EQ(references[3].target_type, BehindInterface(0x4a4000));
  EXPECT_EQ(heap.type_names.at(0x4a1000), "main.Value");
  EXPECT_EQ(heap.type_names.at(PointeeOf(0x4a2000)), "main.Thing");
  EXPECT_EQ(heap.type_names.at(PointeeOf(0x4a3000)), "main.(behind type 0x4a3000)");
}

TEST(GoDumpTest, ADescriptorThatTheDumpDoesNotListIsStillAHint) {
  GoDumpWriter dump;
  dump.Type(0x4a1000, 24, "main.A").Type(0x4a9000, 24, "main.Z");
  // Between the known ones; outside of them; a listed pointer; a small number.
  dump.Object(kA, {0x4a5000, kA, 0x4b0000, kA, kA, kA, 5, kA}, {8, 24, 32, 40, 56}).End();
  const CollectingSink heap = Heap(dump);
  const auto& references = heap.objects.at(kA).references;
  ASSERT_EQ(references.size(), 5u);
  EXPECT_EQ(references[0].target_type, BehindInterface(0x4a5000));
  for (size_t i = 1; i < 5; ++i) EXPECT_EQ(references[i].target_type, 0u) << i;
  EXPECT_EQ(heap.type_names.at(BehindInterface(0x4a5000)), "(behind type 0x4a5000)");
}

TEST(GoDumpTest, TheHeaderWordOfAMediumObjectIsItsType) {
  const auto with = [](std::string_view version) {
    GoDumpWriter dump(version);
    dump.Type(0x4a1000, 72, "main.Row");
    dump.Object(kA, Words(72, {{0, 0x4a1000}, {1, kA}}), {8}).End();
    return Heap(dump).objects.at(kA);
  };
  EXPECT_EQ(with("go1.24.4").type, 0x4a1000u);
  EXPECT_EQ(with("go1.24.4").references.at(0).target_type, 0u) << "it is no interface's word";
  EXPECT_EQ(with("go1.21.13").type, 0u);
  EXPECT_EQ(with("go1.21.13").references.at(0).target_type, 0x4a1000u);
}

struct PhantomCase {
  std::string_view version;
  uint64_t bytes;
  uint64_t last_true;  // offset in the page of the last slot that is an object
};

class GoPhantomTest : public testing::TestWithParam<PhantomCase> {};

TEST_P(GoPhantomTest, SlotsBeyondTheLastOfAPageAreDropped) {
  const auto& [version, bytes, last_true] = GetParam();
  GoDumpWriter dump(version);
  uint64_t phantoms = 0;
  for (uint64_t at = 0; at + bytes <= kGoPage; at += bytes) {
    dump.Object(kA + at, Words(bytes / 8),
                at == 0 ? std::vector<uint64_t>{0} : std::vector<uint64_t>{});
    phantoms += at > last_true;
  }
  dump.Object(kA + kGoPage, Words(bytes / 8), {}).End();
  const CollectingSink heap = Heap(dump);
  EXPECT_EQ(heap.objects.size(), last_true / bytes + 2);
  EXPECT_EQ(std::prev(heap.objects.end(), 2)->first, kA + last_true);
  EXPECT_EQ(heap.facts.at("phantom objects dropped"), std::to_string(phantoms));
}

INSTANTIATE_TEST_SUITE_P(Versions, GoPhantomTest,
                         testing::Values(PhantomCase{"go1.21.13", 48, 8112},
                                         PhantomCase{"go1.22.12", 48, 8016},
                                         PhantomCase{"go1.25.12", 48, 8016},
                                         PhantomCase{"go1.25.12 X:greenteagc", 48, 7872},
                                         PhantomCase{"go1.26.8", 48, 7872},
                                         PhantomCase{"go1.26.8 X:nogreenteagc", 48, 8016},
                                         PhantomCase{"go1.27.3", 8, 8056},
                                         PhantomCase{"go1.27.3", 512, 7168}));

TEST(GoDumpTest, APageWithoutPointersKeepsItsTailButForTheMarks) {
  for (const auto& [version, last] : {std::pair("go1.24.4", 8176u), std::pair("go1.26.8", 8048u)}) {
    GoDumpWriter dump(version);
    for (uint64_t at = 0; at < kGoPage; at += 16) dump.Object(kA + at, {at, 0}, {});
    const CollectingSink heap = Heap(dump.End());
    EXPECT_EQ(heap.objects.rbegin()->first, kA + last) << version;
    EXPECT_TRUE(heap.objects.rbegin()->second.pointer_free);
    EXPECT_EQ(LoadWord(heap.objects.rbegin()->second.contents.data()), last);
  }
}

TEST(GoDumpTest, APointerAtThePagesEndMakesTheTailBeforeItPhantoms) {
  GoDumpWriter dump("go1.24.4");
  dump.Object(kA, {0, 0}, {}).Object(kA + 8160, {0, 0}, {}).Object(kA + 8176, {kA, 0}, {0}).End();
  EXPECT_THAT(Heap(dump).objects, testing::ElementsAre(testing::Key(kA)));
}

TEST(GoDumpTest, AGoroutineHoldsWhatItsFramesHold) {
  GoDumpWriter dump;
  dump.Object(kA, {0}, {}).Goroutine(kA + 512, 7, 4, false, "chan receive");
  dump.Frame("runtime.gopark", {kA}, {});
  dump.Frame("main.worker", {0, kA, kA + 8}, {8, 16, 8, 800});
  dump.Frame("main.main.gowrap1", {0}, {}).Frame("runtime.goexit", {0}, {});
  dump.Tag(GoTag::kDefer).Numbers({kA + 1024, kA + 512, 0x7000, 0x401000, kA + 1040, 0x402000, 0});
  dump.Tag(GoTag::kPanic).Numbers({kA + 2048, kA + 512, 0x4a1000, kA + 2064, 0, 0});
  dump.Goroutine(kA + 4096, 8, 1, true, "").Frame("runtime.bgsweep", {0}, {}).End();
  const CollectingSink heap = Heap(dump);

  const auto& held = heap.holders.at("goroutine 7 main.worker [chan receive]");
  EXPECT_EQ(held.kind, RootKind::kStack);
  std::vector<std::pair<std::string, uint64_t>> references;
  for (const auto& reference : held.references) {
    references.emplace_back(LabelName(heap, reference), reference.target);
  }
  EXPECT_THAT(references,
              testing::ElementsAre(
                  std::pair("g", kA + 512), std::pair("main.worker frame+8", kA),
                  std::pair("main.worker frame+16", kA + 8), std::pair("main.worker frame+8", kA),
                  std::pair("defer", kA + 1024), std::pair("deferred function", kA + 1040),
                  std::pair("panic", kA + 2048), std::pair("panic value", kA + 2064)));
  EXPECT_TRUE(heap.holders.contains("goroutine 8 runtime.bgsweep [runnable, system]"));
  EXPECT_EQ(heap.facts.at("goroutines"), "2");
}

TEST(GoDumpTest, SegmentsFinalizersAndOtherRootsAreHolders) {
  GoDumpWriter dump;
  dump.Object(kA, {0}, {}).Segment(GoTag::kData, 0x5000, {1, kA, 0}, {8, 16});
  dump.Tag(GoTag::kBss).Number(0x6000).Text(std::string(19, '\0')).Slots({8, 16});
  dump.Tag(GoTag::kFinalizer).Numbers({kA, kA + 64, 0x401000, 0, 0});
  dump.Tag(GoTag::kQueuedFinalizer).Numbers({kA + 128, kA + 64, 0x401000, 0, 0});
  dump.Tag(GoTag::kOtherRoot).Text("a root of old").Number(kA).MemStats(8, 1).End();
  const CollectingSink heap = Heap(dump);

  const auto& data = heap.holders.at("data");
  EXPECT_EQ(data.kind, RootKind::kSegment);
  EXPECT_EQ(data.address, 0x5000u);
  EXPECT_EQ(data.bytes, 24u);
  ASSERT_EQ(data.references.size(), 1u);
  EXPECT_EQ(data.references[0].label, Label(Label::Kind::kOffset, 8));
  EXPECT_EQ(heap.holders.at("bss").bytes, 19u);
  std::vector<uint64_t> finalized;
  for (const auto& reference : heap.holders.at("runtime finalizers").references) {
    finalized.push_back(reference.target);
  }
  EXPECT_THAT(finalized, testing::ElementsAre(kA + 64, kA + 64, kA + 128));
  EXPECT_EQ(heap.holders.at("a root of old").references.at(0).target, kA);
  EXPECT_EQ(heap.facts.at("runtime objects"), "1");
  EXPECT_EQ(heap.facts.at("runtime bytes"), "8");
  EXPECT_EQ(heap.facts.at("go version"), "go1.24.4");
}

// Long records: every reference must arrive once, with its place.
struct LongCase {
  size_t words;
  size_t step;  // a pointer every so many words
};

class GoLongTest : public testing::TestWithParam<LongCase> {
 protected:
  GoLongTest() : words_(GetParam().words) {
    for (size_t i = 1; i < words_.size(); i += GetParam().step) {
      words_[i] = kA + i;
      slots_.push_back(i * 8);
    }
  }
  std::vector<uint64_t> words_, slots_;
};

TEST_P(GoLongTest, AnObjectLongerThanTheWindowIsReadWhole) {
  GoDumpWriter dump;
  dump.Object(kA, words_, slots_).Object(kA + (uint64_t{32} << 20), {0}, {}).End();
  const CollectingSink heap = Heap(dump);
  ASSERT_EQ(heap.objects.size(), 2u);
  const auto& object = heap.objects.at(kA);
  EXPECT_EQ(object.bytes, words_.size() * 8);
  ASSERT_EQ(object.contents.size(), words_.size() * 8);
  EXPECT_EQ(0, std::memcmp(object.contents.data(), words_.data(), object.contents.size()));
  std::vector<uint64_t> offsets;
  for (const auto& reference : object.references) offsets.push_back(reference.label.number());
  for (const auto& [source, reference] : heap.references) {
    EXPECT_EQ(source, kA);
    EXPECT_EQ(reference.target, kA + reference.label.number() / 8);
    offsets.push_back(reference.label.number());
  }
  EXPECT_EQ(offsets, slots_);
  EXPECT_EQ(Heap(dump, {.references = false, .contents = false}).objects.size(), 2u);
}

TEST_P(GoLongTest, ASegmentLongerThanTheWindowComesInPieces) {
  GoDumpWriter dump;
  dump.Object(kA, {0}, {}).Segment(GoTag::kBss, 0x10000000, words_, slots_).End();
  // Pieces have one name: the sink keeps the last; all of them are counted here.
  class Pieces : public CollectingSink {
   public:
    void OnHolder(const heapgraph::HolderEvent& event) override {
      EXPECT_EQ(event.address, 0x10000000 + bytes);
      for (const auto& reference : event.references) {
        offsets.push_back(bytes + reference.label.number());
      }
      bytes += event.bytes;
      ++count;
    }
    uint64_t bytes = 0, count = 0;
    std::vector<uint64_t> offsets;
  };
  Pieces all, none;
  ASSERT_TRUE(Read(dump.bytes(), all));
  ASSERT_TRUE(Read(dump.bytes(), none, {.references = false, .contents = false}));
  EXPECT_EQ(all.bytes, words_.size() * 8);
  EXPECT_EQ(all.offsets, slots_);
  EXPECT_EQ(none.count, all.count);
}

TEST_P(GoLongTest, AFrameLongerThanTheWindowIsReadWhole) {
  GoDumpWriter dump;
  dump.Object(kA, {0}, {}).Goroutine(kA, 1, 2, false, "").Frame("main.deep", words_, slots_);
  dump.Frame("main.main", {kA}, {0}).End();
  class Parts : public CollectingSink {
   public:
    uint32_t Intern(std::string_view) override { return 0; }
    void OnHolder(const heapgraph::HolderEvent& event) override {
      references += event.references.size();
      ++count;
    }
    uint64_t references = 0, count = 0;
  };
  Parts all, none;
  ASSERT_TRUE(Read(dump.bytes(), all));
  ASSERT_TRUE(Read(dump.bytes(), none, {.references = false, .contents = false}));
  EXPECT_EQ(all.references, slots_.size() + 2);  // and g, and that of main.main
  EXPECT_EQ(none.count, all.count);
}

INSTANTIATE_TEST_SUITE_P(Lengths, GoLongTest,
                         testing::Values(LongCase{(2 << 17) + 1, 1000}, LongCase{1 << 19, 1},
                                         LongCase{1 << 20, 100'000}));

TEST(GoDumpTest, APipeCanBeReadOnce) {
  class Pipe : public ByteSource {
   public:
    explicit Pipe(std::string bytes) : bytes_(std::move(bytes)) {}
    Result<size_t> Read(std::span<std::byte> into) override {  // byte by byte
      if (next_ == bytes_.size() || into.empty()) return size_t{0};
      into[0] = static_cast<std::byte>(bytes_[next_++]);
      return size_t{1};
    }
    Result<void> Rewind() override { return InvalidArgument("a pipe can be read only once"); }
    std::optional<uint64_t> size() const override { return {}; }

   private:
    const std::string bytes_;
    size_t next_ = 0;
  };
  GoDumpWriter dump;
  dump.Object(kA, Words(64, {{3, kA}}), {24}).Segment(GoTag::kData, 0x5000, {kA}, {0}).End();
  const auto source = OpenGoDump(std::make_unique<Pipe>(dump.bytes()));
  CollectingSink first, second;
  const auto outcome = source->Read(first, {});
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->damage, "");
  EXPECT_EQ(first.objects.at(kA).references.size(), 1u);
  EXPECT_FALSE(source->Read(second, {}));
}

}  // namespace
}  // namespace tidemark::goheap
