// Files that are cut, flipped or made up: an error or a partial result that says where.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zstd.h>

#include <cstring>

#include "graphfile/block.h"
#include "graphfile/file_for_tests.h"
#include "graphfile/format.h"
#include "graphfile/random_events.h"

namespace tidemark::graphfile {
namespace {

using testing::AllOf;
using testing::AnyOf;
using testing::HasSubstr;
using testing::StartsWith;

std::string SomeFile(size_t events = 300) {
  return FileOf([events](heapgraph::HeapSink& sink) { RandomEvents(11).Tell(events, sink); });
}

std::string BytesOf(const auto& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

// A file with one block of these raw bytes, right but for them.
std::string FileWithBlock(std::string_view raw, uint32_t told_bytes = ~0u) {
  std::string stored(ZSTD_compressBound(raw.size()), '\0');
  stored.resize(ZSTD_compress(stored.data(), stored.size(), raw.data(), raw.size(), 1));
  BlockHeader header{kBlockMagic,
                     BlockKind::kEvents,
                     static_cast<uint32_t>(raw.size()),
                     static_cast<uint32_t>(stored.size()),
                     0,
                     0};
  if (told_bytes != ~0u) header.raw_bytes = told_bytes;
  header.checksum = BlockChecksum(header, stored);
  static const std::string empty = FileOf([](heapgraph::HeapSink&) {});
  return empty.substr(0, empty.find("TBLK")) + BytesOf(header) + stored;
}

std::string Damage(const std::string& file) {
  const auto told = ReadFile(file);
  return told ? told->outcome.damage : told.error().message;
}

TEST(GraphFileDamage, EveryCutIsSeen) {
  const std::string file = SomeFile();
  const auto whole = ReadFile(file);
  ASSERT_TRUE(whole);
  for (size_t size = 0; size < file.size(); ++size) {
    const auto told = ReadFile(std::string_view(file).substr(0, size));
    if (!told) continue;  // in the header
    EXPECT_THAT(told->outcome.damage, AllOf(StartsWith("block "), HasSubstr("cut short"))) << size;
    EXPECT_LE(told->lines.size(), whole->lines.size());
  }
}

TEST(GraphFileDamage, EveryFlippedBitIsSeen) {
  const std::string file = SomeFile();
  for (size_t at = 0; at < file.size(); ++at) {
    std::string damaged = file;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << at % 8));
    EXPECT_NE(Damage(damaged), "") << at;
  }
}

TEST(GraphFileDamage, SaysWhichBlockAndWhere) {
  std::string file = FileOf([](heapgraph::HeapSink& sink) { RandomEvents(11).Tell(60000, sink); });
  const size_t second = file.find("TBLK", file.find("TBLK") + 1);
  const std::string place = "block 1 at offset " + std::to_string(second) + ": ";
  file[second + 40] = static_cast<char>(file[second + 40] ^ 1);
  const auto told = ReadFile(file);
  ASSERT_TRUE(told);
  EXPECT_EQ(told->outcome.damage, place + "fails its checksum");
  EXPECT_GT(told->lines.size(), 1000u);  // of the first block
  EXPECT_EQ(told->outcome.bytes, second);

  file.erase(second, file.find("TBLK", second + 1) - second);
  EXPECT_EQ(Damage(file), place + "has the number 2: blocks are missing");
}

TEST(GraphFileDamage, ABombIsRefusedBeforeItIsInflated) {
  const std::string zeros(size_t{17} << 20, '\0');
  EXPECT_THAT(Damage(FileWithBlock(zeros)), HasSubstr("larger than the limit: 17825792 bytes"));
  EXPECT_THAT(Damage(FileWithBlock(zeros, 4096)), HasSubstr("zstd: Destination buffer"));
  EXPECT_THAT(Damage(FileWithBlock("few", 4096)), HasSubstr("has 3 bytes, not 4096"));
}

// The bytes of a block with events of every kind, cut and flipped behind the checksum's back.
std::string RawBlock() {
  const std::string file = SomeFile(80);
  const size_t at = file.find("TBLK");
  BlockHeader header;
  std::memcpy(&header, file.data() + at, sizeof header);
  std::string raw(header.raw_bytes, '\0');
  ZSTD_decompress(raw.data(), raw.size(), file.data() + at + sizeof header, header.stored_bytes);
  return raw;
}

TEST(GraphFileDamage, ABlockCutAtAnyByteIsRefused) {
  const std::string raw = RawBlock();
  ASSERT_THAT(Damage(FileWithBlock(raw)), HasSubstr("no end marker"));
  for (size_t size = 0; size < raw.size(); ++size) {
    Block block;
    EXPECT_FALSE(DecodeBlock(std::string_view(raw).substr(0, size), {}, block)) << size;
  }
}

TEST(GraphFileDamage, ABlockWithAnyByteChangedDoesNoHarm) {
  const std::string raw = RawBlock();
  for (size_t at = 0; at < raw.size(); ++at) {
    std::string damaged = raw;
    damaged[at] = static_cast<char>(damaged[at] ^ (at % 2 == 0 ? 255 : 1 << at % 8));
    const auto told = ReadFile(FileWithBlock(damaged));
    ASSERT_TRUE(told);
    EXPECT_THAT(told->outcome.damage, AnyOf(StartsWith("block 0 at"), StartsWith("block 1 at")));
  }
}

TEST(GraphFileDamage, ARecordOfEachKindCutShortIsNamed) {
  static constexpr const char* kKinds[] = {"type", "root", "holder", "reference", "fact", "name"};
  for (uint32_t op = kType; op <= kName; ++op) {
    Block block;
    block.ops = {op};
    std::string raw;
    EncodeBlock(block, raw);
    EXPECT_THAT(Damage(FileWithBlock(raw)),
                HasSubstr(std::string("a ") + kKinds[op] + " record that is cut short"));
  }
}

TEST(GraphFileDamage, ANameThatWasNeverToldIsRefused) {
  Block block;
  block.ops = {kFirstShape};
  block.shapes = {{.bytes = 16, .references = 1}};
  block.labels = {heapgraph::Label(heapgraph::Label::Kind::kName, 3).bits()};
  block.target_types = {0};
  block.addresses = {64};
  block.targets = {128};
  std::string raw;
  EncodeBlock(block, raw);
  EXPECT_THAT(Damage(FileWithBlock(raw)), HasSubstr("shape 0 has a name that was never told"));
}

}  // namespace
}  // namespace tidemark::graphfile
