#include "heapdump/dump_format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tidemark {
namespace {

std::span<const std::byte> Bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

TEST(DumpFormatTest, EachFormatIsToldByItsFirstBytes) {
  EXPECT_EQ(DetectDumpFormat(Bytes("go1.7 heap dump\n\x06")), DumpFormat::kGoDump);
  EXPECT_EQ(DetectDumpFormat(Bytes(std::string_view("JAVA PROFILE 1.0.2\0\0", 20))),
            DumpFormat::kHprof);
  EXPECT_EQ(DetectDumpFormat(Bytes("{\"snapshot\":{\"meta\"")), DumpFormat::kV8Snapshot);
  EXPECT_EQ(DetectDumpFormat(Bytes("{\n  \"snapshot\" : {")), DumpFormat::kV8Snapshot);
  EXPECT_EQ(DetectDumpFormat(Bytes("TMHGRAPH\x01")), DumpFormat::kGraphFile);
  std::string elf(
      "\x7f"
      "ELF\x02\x01\x01",
      7);
  elf.resize(16);
  EXPECT_EQ(DetectDumpFormat(Bytes(elf + std::string("\x04\x00", 2))), DumpFormat::kGoCore);
  EXPECT_EQ(DetectDumpFormat(Bytes(elf + std::string("\x02\x00", 2))), std::nullopt);  // a program
}

TEST(DumpFormatTest, EveryProperPrefixOfAMagicIsUnknown) {
  for (const std::string_view magic :
       {"go1.7 heap dump\n", "JAVA PROFILE 1.0.", "{\"snapshot\":", "TMHGRAPH"}) {
    for (size_t length = 0; length < magic.size(); ++length)
      EXPECT_EQ(DetectDumpFormat(Bytes(magic.substr(0, length))), std::nullopt) << magic;
  }
}

TEST(DumpFormatTest, AnUnknownFileIsShownByItsFirstBytesWithTheFormatsKnown) {
  EXPECT_THAT(UnknownDumpMessage(Bytes("PK\x03\x04zip")),
              testing::AllOf(testing::HasSubstr("50 4b 03 04 7a 69 70 (\"PK..zip\")"),
                             testing::HasSubstr("HPROF"), testing::HasSubstr("WriteHeapDump")));
  EXPECT_EQ(UnknownDumpMessage({}), "is empty");
}

}  // namespace
}  // namespace tidemark
