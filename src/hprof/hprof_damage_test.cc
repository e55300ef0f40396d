// Cut, bent and hostile dumps: what came before the damage holds, and the damage has a place.
#include <gmock/gmock.h>

#include "hprof/made_program.h"
#include "hprof/read_for_tests.h"

namespace tidemark::hprof {
namespace {

using testing::HasSubstr;
using namespace made;  // NOLINT: its ids

TEST(HprofDamage, ADumpCutAnywhereTellsWhatCameBefore) {
  const std::string whole = Program();
  const ReadDump all = ReadBytes(whole);
  size_t objects_before = 0;
  for (size_t size = kHeaderBytes; size < whole.size(); ++size) {
    const ReadDump read = ReadBytes(whole.substr(0, size));
    ASSERT_EQ(read.error, "") << size;
    EXPECT_LE(read.outcome.bytes, size);
    const size_t objects = read.sink.objects.size();
    EXPECT_GE(objects, objects_before) << "cut at " << size;
    objects_before = objects;
    for (const auto& [address, object] : read.sink.objects) {
      ASSERT_TRUE(all.sink.objects.contains(address));
    }
    EXPECT_TRUE(objects == 0 || !read.outcome.damage.empty()) << "cut at " << size;
  }
  EXPECT_EQ(objects_before, all.sink.objects.size());
}

TEST(HprofDamage, ACutInAnyRecordNamesTheRecordAndTheOffset) {
  const std::string whole = Program();
  const ReadDump name = ReadBytes(whole.substr(0, kHeaderBytes + 12));
  EXPECT_EQ(name.outcome.damage, "ends at offset 43, 21 bytes short, in UTF8 at offset 31");
  const ReadDump head = ReadBytes(whole.substr(0, kHeaderBytes + 5));
  EXPECT_EQ(head.outcome.damage, "cut short in the head of the record at offset 31");
  const ReadDump no_end = ReadBytes(whole.substr(0, whole.size() - kRecordHeaderBytes));
  EXPECT_THAT(no_end.outcome.damage, HasSubstr("without the record that ends a heap dump"));
  const ReadDump segment = ReadBytes(whole.substr(0, whole.size() - kRecordHeaderBytes - 5));
  EXPECT_THAT(segment.outcome.damage,
              HasSubstr("cut short at offset " + std::to_string(whole.size() - 9 - 5) +
                        ", in HEAP DUMP SEGMENT at offset"));
}

TEST(HprofDamage, ABentByteNeverEndsTheReader) {
  const std::string whole = Program();
  for (size_t at = 0; at < whole.size(); ++at) {
    for (const int bits : {0x01, 0x80, 0xff}) {
      std::string bent = whole;
      bent[at] = static_cast<char>(bent[at] ^ bits);
      const ReadDump read = ReadBytes(bent, {}, 2);
      EXPECT_LE(read.sink.objects.size(), 100u);
    }
  }
}

TEST(HprofDamage, ADamagedSegmentIsLeftAndTheNextOneRead) {
  MadeHprof dump;
  Records(dump);
  Classes(dump);
  dump.EndSegment();
  dump.Raw("\x42 this is no sub-record");
  dump.EndSegment();
  Objects(dump);
  const ReadDump read = ReadBytes(dump.Finish());
  EXPECT_THAT(read.outcome.damage, HasSubstr("the unknown tag 66 in the HEAP DUMP SEGMENT"));
  EXPECT_TRUE(read.sink.objects.contains(kNode));
}

std::string Head(std::string_view text, uint32_t id_bytes) {
  std::string out(text);
  out += '\0';
  MadeHprof::Big(&out, id_bytes, 4);
  MadeHprof::Big(&out, 0, 8);
  return out;
}

TEST(HprofDamage, OtherFilesAndVersionsAreRefused) {
  const std::string what =
      "not an HPROF heap dump: it should begin with \"JAVA PROFILE 1.0.\" and 1, 2 or 3";
  EXPECT_EQ(ReadBytes("").error, what);
  EXPECT_EQ(ReadBytes("go1.7 heap dump\n and more than thirty-one bytes").error, what);
  EXPECT_EQ(ReadBytes(Head("JAVA PROFILE 1.0.4", 8)).error, what);
  EXPECT_EQ(ReadBytes(Head("JAVA PROFILE 1.0.2", 8)).error, "");
  EXPECT_EQ(ReadBytes(Head("JAVA PROFILE 1.0.2", 7)).error,
            "HPROF with ids of 7 bytes (at offset 19): they have 4 or 8");
}

// A sub-record's head, for lengths that are not there.
std::string SubRecord(uint8_t tag, std::initializer_list<std::pair<uint64_t, uint32_t>> values) {
  std::string out(1, static_cast<char>(tag));
  for (const auto& [value, bytes] : values) MadeHprof::Big(&out, value, bytes);
  return out;
}

TEST(HprofDamage, LengthsThatAreNotThereTakeNoMemory) {
  struct Case {
    std::string sub_record, damage;
  };
  const Case cases[] = {
      {SubRecord(kInstance, {{kNode, 8}, {1, 4}, {kNodeClass, 8}, {0xffffffff, 4}}),
       "an instance of 4294967295 bytes"},
      {SubRecord(kInstance, {{kNode, 8}, {1, 4}, {kNodeClass, 8}, {1000, 4}}),
       "a sub-record reaches beyond the"},
      {SubRecord(kObjectArray, {{kNode, 8}, {1, 4}, {0xffffffff, 4}, {kArrayClass, 8}, {0, 8}}),
       "a sub-record reaches beyond the"},
      {SubRecord(kPrimitiveArray, {{kNode, 8}, {1, 4}, {0xffffffff, 4}, {kLong, 1}}),
       "an array reaches beyond the"},
      {SubRecord(kPrimitiveArray, {{kNode, 8}, {1, 4}, {1, 4}, {kObject, 1}}),
       "an array of the unknown type 2"},
      {SubRecord(kClassDump, {{kNode, 8}, {1, 4}, {0, 52}, {0xffff, 2}, {0, 4}}),
       "a class with a field of an unknown type"},
      {SubRecord(kRootJavaFrame, {{kNode, 8}, {1, 4}}), "a sub-record reaches beyond the"},
  };
  for (const Case& hostile : cases) {
    MadeHprof dump;
    Records(dump);
    Classes(dump);
    dump.EndSegment();
    dump.Raw(hostile.sub_record);
    dump.EndSegment();
    Objects(dump);
    const ReadDump read = ReadBytes(dump.Finish());
    EXPECT_THAT(read.outcome.damage, HasSubstr(hostile.damage));
    EXPECT_TRUE(read.sink.objects.contains(kPluginState)) << hostile.damage;
  }
}

TEST(HprofDamage, AnInstanceShorterThanItsClassIsToldWithoutReferences) {
  MadeHprof dump;
  Records(dump);
  Classes(dump);
  dump.InstanceOf(kNode, kNodeClass, "short");
  const ReadDump read = ReadBytes(dump.Finish());
  EXPECT_EQ(read.outcome.damage, "");
  EXPECT_TRUE(read.sink.objects.at(kNode).references.empty());
  EXPECT_EQ(read.sink.facts.at("instances shorter than their class"), "1");
}

}  // namespace
}  // namespace tidemark::hprof
