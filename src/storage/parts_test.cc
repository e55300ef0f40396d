// The store's smaller parts: query texts, attributes as text, dictionaries, targets, the
// directory's lock.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/attribute_text.h"
#include "storage/dictionary.h"
#include "storage/file_lock.h"
#include "storage/sql.h"
#include "storage/store_test_util.h"
#include "storage/target_table.h"

namespace tidemark {
namespace {

using ::testing::HasSubstr;

std::string Plain(const TableSpec& table) { return std::string(table.name); }

TEST(SqlTest, ValuesBecomeLiterals) {
  Sql sql("SELECT {a}, {b} FROM {table:points} WHERE x IN ({c}) AND y IN ({d})",
          TableGroup::kPoints);
  sql.Bind("a", INT64_MIN).Bind("b", UINT64_MAX);
  sql.Bind("c", std::vector<uint64_t>{1, 2}).Bind("d", std::vector<uint64_t>{});
  EXPECT_EQ(*sql.Render(Plain),
            "SELECT (-9223372036854775807 - 1), 18446744073709551615 FROM points "
            "WHERE x IN (1,2) AND y IN (0)");
}

TEST(SqlTest, WhatIsNotBoundIsAnError) {
  EXPECT_THAT(Sql("SELECT {a}", TableGroup::kPoints).Render(Plain).error().message,
              HasSubstr("{a}"));
  EXPECT_THAT(
      Sql("SELECT 1 FROM {table:stacks}", TableGroup::kPoints).Render(Plain).error().message,
      HasSubstr("stacks"));
}

TEST(SchemaTest, PartitionsCoverTimeWithoutGaps) {
  for (const TableGroup group : {TableGroup::kPoints, TableGroup::kProfiles}) {
    const int64_t start_ns = PartitionStart(group, kTestTimeNs + 5);
    EXPECT_EQ(start_ns, kTestTimeNs);
    EXPECT_EQ(PartitionStart(group, PartitionEnd(group, start_ns) - 1), start_ns);
    EXPECT_EQ(PartitionStart(group, PartitionEnd(group, start_ns)), PartitionEnd(group, start_ns));
  }
  EXPECT_EQ(PartitionEnd(TableGroup::kMeta, 0), INT64_MAX);
}

TEST(AttributeTextTest, AnyAttributesComeBack) {
  for (const Attributes& attributes :
       {Attributes{}, Attributes{{"", ""}}, Attributes{{"a", ""}, {"b", "1"}},
        Attributes{{"k=,\\", "=v\\,"}, {"x", std::string("\0,\n", 3)}}}) {
    EXPECT_EQ(ParseCanonicalText(CanonicalText(attributes)), attributes)
        << CanonicalText(attributes);
  }
}

TEST(AttributeTextTest, TextThatWasNeverWrittenEndsTheSameWay) {
  for (const char* text : {"\\", "a", "=", ",", "a=b=c", "a=1,", "\\\\\\"}) {
    EXPECT_LE(ParseCanonicalText(text).size(), 2u) << text;
  }
}

TEST(DictionaryTest, AFullDictionaryStartsAnewWithNewNumbers) {
  RefDictionary dictionary(100);
  bool added = false;
  const uint64_t first = dictionary.RefOf(7, &added);
  EXPECT_EQ(first, 101u);
  EXPECT_EQ(dictionary.RefOf(7, &added), first);
  EXPECT_FALSE(added);
  for (uint64_t id = 1'000; id < 1'000 + RefDictionary::kMaxEntries; ++id)
    dictionary.RefOf(id, &added);
  const uint64_t again = dictionary.RefOf(7, &added);
  EXPECT_TRUE(added);
  EXPECT_EQ(again, first + RefDictionary::kMaxEntries + 1);
}

TEST(DictionaryTest, LoadedNumbersAreKeptAndNotGivenTwice) {
  RefDictionary dictionary(100);
  bool added = true;
  dictionary.Load(7, 500);
  EXPECT_EQ(dictionary.RefOf(7, &added), 500u);
  EXPECT_FALSE(added);
  EXPECT_EQ(dictionary.RefOf(8, &added), 501u);
}

TEST(TargetTableTest, TheLongestUnseenAreForgottenWhenThereAreTooMany) {
  TargetTable table;
  for (size_t i = 0; i <= TargetTable::kMaxTargets; ++i) {
    const auto time_ns = static_cast<int64_t>(i) + 1;
    table.Observe(TestResource("s", "v", std::to_string(i)), time_ns, time_ns);
  }
  const size_t left = TargetTable::kMaxTargets * 9 / 10;
  EXPECT_EQ(table.All().size(), left);
  EXPECT_EQ(table.forgotten(), TargetTable::kMaxTargets + 1 - left);
  EXPECT_EQ(table.Match({.instance = "0"})->size(), 0u);
  EXPECT_EQ(table.Match({.instance = std::to_string(TargetTable::kMaxTargets)})->size(), 1u);
}

TEST(TargetTableTest, TheLaterSightingSaysTheAttributes) {
  TargetTable table;
  Resource resource = TestResource("s", "v", "i");
  table.Observe(resource, 10, 20);
  resource.attributes = {{"k", "earlier"}};
  table.Observe(resource, 5, 6);
  EXPECT_EQ(table.All().at(0).resource.attributes, TestResource("s", "v", "i").attributes);
  EXPECT_EQ(table.All().at(0).first_seen_ns, 5);
  resource.attributes = {{"k", "later"}};
  table.Observe(resource, 30, 30);
  EXPECT_EQ(table.All().at(0).resource.attributes, resource.attributes);
  EXPECT_EQ(table.All().at(0).last_seen_ns, 30);
}

TEST(FileLockTest, TheLockGoesWithItsOwner) {
  TestDirectory directory;
  {
    const auto lock = FileLock::Take(directory.path());
    ASSERT_TRUE(lock) << lock.error().message;
    EXPECT_EQ(FileLock::Take(directory.path()).error().code, ErrorCode::kUnavailable);
  }
  EXPECT_TRUE(FileLock::Take(directory.path()));
  EXPECT_EQ(FileLock::Take(directory.path() + "/none").error().code, ErrorCode::kIo);
}

}  // namespace
}  // namespace tidemark
