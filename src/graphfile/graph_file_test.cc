// What is written is read: the same events in the same order.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graphfile/file_for_tests.h"
#include "graphfile/format.h"
#include "graphfile/name_table.h"
#include "graphfile/random_events.h"

namespace tidemark::graphfile {
namespace {

using heapgraph::Label;
using heapgraph::Reference;
using testing::HasSubstr;
using testing::StartsWith;

TEST(GraphFile, TellsRandomEventsAgain) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    const size_t count = seed % 10 == 0 ? 20000 : 10 * seed;
    EventText expected;
    RandomEvents(seed).Tell(count, expected);
    const std::string file =
        FileOf([&](heapgraph::HeapSink& sink) { RandomEvents(seed).Tell(count, sink); });
    const auto told = ReadFile(file);
    ASSERT_TRUE(told) << told.error().message;
    EXPECT_EQ(told->outcome.damage, "");
    EXPECT_EQ(told->outcome.bytes, file.size());
    ASSERT_EQ(told->lines.size(), expected.lines.size()) << "seed " << seed;
    for (size_t i = 0; i < expected.lines.size(); ++i) {
      ASSERT_EQ(told->lines[i], expected.lines[i]) << "seed " << seed << ", event " << i;
    }
  }
}

TEST(GraphFile, IsMadeOfSeveralBlocks) {
  const std::string file =
      FileOf([](heapgraph::HeapSink& sink) { RandomEvents(7).Tell(60000, sink); });
  size_t blocks = 0;
  for (size_t at = file.find("TBLK"); at != std::string::npos; at = file.find("TBLK", at + 1)) {
    ++blocks;
  }
  EXPECT_GE(blocks, 4u);
}

TEST(GraphFile, IsReadTwiceAlikeAndKeepsTheDumpsFormat) {
  const std::string file =
      FileOf([](heapgraph::HeapSink& sink) { RandomEvents(3).Tell(500, sink); });
  const auto source = OpenFile(file);
  ASSERT_TRUE(source);
  EXPECT_EQ((*source)->format(), "made by hand");
  EventText first, second;
  ASSERT_TRUE((*source)->Read(first, {}));
  ASSERT_TRUE((*source)->Read(second, {}));
  EXPECT_EQ(first.lines, second.lines);
}

TEST(GraphFile, LeavesOutWhatIsNotWanted) {
  const std::string file = FileOf([](heapgraph::HeapSink& sink) {
    for (uint64_t i = 0; i < 20; ++i) {
      const Reference reference{64 * i, Label(Label::Kind::kOffset, 8)};
      const std::string contents = "contents";
      sink.OnObject({64 * i, 64, 5, {&reference, 1}, std::as_bytes(std::span(contents)), false});
    }
    sink.OnReference(64, {128, {}});
  });
  const auto whole = ReadFile(file);
  const auto without = ReadFile(file, {.references = false, .contents = false});
  ASSERT_TRUE(whole && without);
  EXPECT_EQ(whole->lines[1], "object 64 64 5 0 [0:8>64 0 ]'contents'");
  EXPECT_EQ(without->lines[1], "object 64 64 5 0 []''");
  EXPECT_EQ(whole->lines.size(), 21u);
  EXPECT_EQ(without->lines.size(), 20u);
}

TEST(GraphFile, TellsReferencesOverTheLimitApart) {
  std::vector<Reference> references(kMaxReferences + 2);
  for (size_t i = 0; i < references.size(); ++i) {
    references[i] = {8 * i, Label(Label::Kind::kIndex, i)};
  }
  const std::string file = FileOf([&](heapgraph::HeapSink& sink) {
    sink.OnObject({4096, 8 * references.size(), 1, references, {}, false});
    sink.OnHolder({heapgraph::RootKind::kGlobal, "held", 0, 0, references, {}});
  });
  const auto told = ReadFile(file);
  ASSERT_TRUE(told);
  EXPECT_EQ(told->outcome.damage, "");
  ASSERT_EQ(told->lines.size(), 5u);
  EXPECT_EQ(told->lines[2], "reference 4096 [2:262145>2097160 0 ]");
  EXPECT_EQ(told->lines[4], "holder 0 0 0 [2:262144>2097152 0 2:262145>2097160 0 ]held");
}

TEST(GraphFile, KeepsAsManyNamesAsFit) {
  std::string file;
  GraphWriter writer(AppendTo(file), {});
  for (uint32_t i = 0; i < NameTable::kMaxNames; ++i) {
    ASSERT_EQ(writer.Intern("name " + std::to_string(i)), i);
  }
  EXPECT_EQ(writer.Intern("one more"), NameTable::kMaxNames);
  EXPECT_EQ(writer.Intern("and another"), NameTable::kMaxNames);
  EXPECT_EQ(writer.Intern("name 5"), 5u);
  const Reference reference{8, Label(Label::Kind::kName, NameTable::kMaxNames)};
  writer.OnReference(1, reference);
  const auto totals = writer.Finish({});
  ASSERT_TRUE(totals);
  EXPECT_EQ(totals->names_refused, 2u);
  class LastName : public EventText {
   public:
    uint32_t Intern(std::string_view name) override {
      last = name;
      return 0;
    }
    void OnReference(uint64_t, const Reference&) override {}
    std::string last;
  } sink;
  const auto source = OpenFile(file);
  ASSERT_TRUE(source && (*source)->Read(sink, {}));
  EXPECT_EQ(sink.last, "(other)");
}

TEST(GraphFile, CarriesTheDamageOfItsDump) {
  const std::string file =
      FileOf([](heapgraph::HeapSink& sink) { sink.OnRoot(heapgraph::RootKind::kGlobal, 1); },
             {.bytes = 99, .damage = "cut short at offset 99, in an object"});
  const auto told = ReadFile(file);
  ASSERT_TRUE(told);
  EXPECT_EQ(told->lines.size(), 1u);
  EXPECT_EQ(told->outcome.damage, "the dump it was made of: cut short at offset 99, in an object");
}

TEST(GraphFile, SaysWhenItCouldNotBeWritten) {
  size_t room = 100000;
  GraphWriter writer(
      [&](std::span<const std::byte> bytes) -> Result<void> {
        if (bytes.size() > room) return IoError("file: No space left on device");
        room -= bytes.size();
        return {};
      },
      {});
  RandomEvents(9).Tell(60000, writer);
  const auto totals = writer.Finish({});
  ASSERT_FALSE(totals);
  EXPECT_EQ(totals.error().message, "file: No space left on device");
}

TEST(GraphFile, RefusesOtherFilesAndVersions) {
  const auto other = OpenFile("PK\3\4 something else, and long enough");
  ASSERT_FALSE(other);
  EXPECT_THAT(other.error().message, HasSubstr("no magic TMHGRAPH"));
  std::string file = FileOf([](heapgraph::HeapSink&) {});
  file[8] = 2;
  const auto newer = OpenFile(file);
  ASSERT_FALSE(newer);
  EXPECT_EQ(newer.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(newer.error().message, HasSubstr("version 2; this program reads version 1"));
  EXPECT_FALSE(LooksLikeGraphFile({}));
}

}  // namespace
}  // namespace tidemark::graphfile
