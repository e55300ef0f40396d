#include "hprof/object_layout.h"

#include <gtest/gtest.h>

#include "hprof/dump_index.h"
#include "hprof/made_hprof.h"

namespace tidemark::hprof {
namespace {

constexpr LayoutModel kCompressed{4, 12, false, true, 8};
constexpr LayoutModel kWide{8, 16, false, true, 8};
constexpr LayoutModel kCompact{4, 8, true, true, 8};
constexpr LayoutModel kBefore15{4, 12, false, false, 8};

// Classes made one by one; sizes are those that -XX:+PrintFieldLayout and jcmd
// GC.class_histogram of OpenJDK show.
class Classes {
 public:
  uint32_t Add(std::string_view name, uint64_t super, std::vector<uint8_t> types,
               std::vector<std::string_view> names = {}) {
    const uint64_t id = 0x1000 * (classes_.classes.size() + 1);
    names_.Add(id, name);
    classes_.AddLoad(id, id);
    ClassInfo& info = *classes_.Get(id);
    info.super = super == 0 ? 0 : super;
    info.dumped = true;
    info.field_begin = static_cast<uint32_t>(classes_.fields.size());
    info.field_count = static_cast<uint32_t>(types.size());
    for (size_t i = 0; i < types.size(); ++i) {
      const uint64_t field_name = 0x900000 + classes_.fields.size();
      if (i < names.size()) names_.Add(field_name, names[i]);
      classes_.fields.push_back({field_name, types[i]});
    }
    return static_cast<uint32_t>(classes_.classes.size() - 1);
  }
  static uint64_t Id(uint32_t position) { return 0x1000 * (position + uint64_t{1}); }
  uint32_t Bytes(uint32_t position, const LayoutModel& model) const {
    return InstanceSizes(classes_, names_, model).Of(position).value_or(0);
  }
  ClassTable classes_;
  NameTable names_;
};

TEST(ObjectLayout, ArraysOfEveryHeader) {
  EXPECT_EQ(kCompressed.ArrayBytes(1, 1), 24u);
  EXPECT_EQ(kCompressed.ArrayBytes(4, 2), 24u);
  EXPECT_EQ(kCompressed.ArrayBytes(8, 1), 24u);
  EXPECT_EQ(kWide.ArrayBytes(1, 1), 32u);
  EXPECT_EQ(kCompact.ArrayBytes(1, 4), 16u);
  EXPECT_EQ(kCompact.ArrayBytes(8, 1), 24u);
  EXPECT_EQ((LayoutModel{4, 12, false, true, 16}).ArrayBytes(1, 1), 32u);
  EXPECT_EQ(kCompressed.ArrayBytes(8, 0xffffffff), 34359738376u);
}

TEST(ObjectLayout, InstancesOfOneClass) {
  Classes made;
  const uint32_t object = made.Add("java/lang/Object", 0, {});
  const uint32_t string =
      made.Add("java/lang/String", Classes::Id(object), {kByte, kInt, kBoolean, kObject});
  const uint32_t hash_map_node =
      made.Add("Node", Classes::Id(object), {kInt, kObject, kObject, kObject});
  EXPECT_EQ(made.Bytes(object, kCompressed), 16u);
  EXPECT_EQ(made.Bytes(object, kCompact), 8u);
  EXPECT_EQ(made.Bytes(string, kCompressed), 24u);
  EXPECT_EQ(made.Bytes(string, kWide), 32u);
  EXPECT_EQ(made.Bytes(hash_map_node, kCompressed), 32u);
  EXPECT_EQ(made.Bytes(hash_map_node, kCompact), 24u);
  EXPECT_EQ(made.Bytes(hash_map_node, kWide), 48u);
}

TEST(ObjectLayout, SubclassesFillGapsSinceJdk15Only) {
  Classes made;
  const uint32_t object = made.Add("java/lang/Object", 0, {});
  const uint32_t base = made.Add("Base", Classes::Id(object), {kByte, kLong});
  const uint32_t derived = made.Add("Derived", Classes::Id(base), {kInt, kShort, kObject});
  EXPECT_EQ(made.Bytes(base, kCompressed), 24u);     // 12, byte in the gap, long at 16
  EXPECT_EQ(made.Bytes(derived, kCompressed), 32u);  // short at 14, int and reference behind
  const uint32_t padded = made.Add("Padded", Classes::Id(object), {kByte});
  const uint32_t bytes = made.Add("Bytes", Classes::Id(padded), {kByte, kByte, kByte});
  EXPECT_EQ(made.Bytes(bytes, kCompressed), 16u);
  EXPECT_EQ(made.Bytes(bytes, kBefore15), 24u);  // begins at the next multiple of 4
}

TEST(ObjectLayout, ContendedFieldsOfAThreadStandApart) {
  Classes made;
  const uint32_t object = made.Add("java/lang/Object", 0, {});
  const uint32_t thread = made.Add(
      "java/lang/Thread", Classes::Id(object), {kLong, kInt, kInt, kInt},
      {"threadLocalRandomSeed", "threadLocalRandomProbe", "threadLocalRandomSecondarySeed", "x"});
  EXPECT_EQ(made.Bytes(thread, kCompressed), 288u);  // 16 + 128 + 16 + 128
}

TEST(ObjectLayout, ClassesWithoutAKnownEndOfSuperclassesHaveNoSize) {
  Classes made;
  const uint32_t orphan = made.Add("Orphan", 0x77000, {kInt});
  const uint32_t child = made.Add("Child", Classes::Id(orphan), {kInt});
  EXPECT_FALSE(InstanceSizes(made.classes_, made.names_, kCompressed).Of(child));
  const uint32_t one = made.Add("One", 0x1000 * 4, {});
  const uint32_t two = made.Add("Two", Classes::Id(one), {});
  ASSERT_EQ(made.classes_.classes[one].super, Classes::Id(two));
  EXPECT_FALSE(InstanceSizes(made.classes_, made.names_, kCompressed).Of(two)) << "a circle";
  uint32_t last = made.Add("java/lang/Object", 0, {});
  for (int i = 0; i < 300; ++i) last = made.Add("Deep", Classes::Id(last), {kInt});
  EXPECT_FALSE(InstanceSizes(made.classes_, made.names_, kCompressed).Of(last)) << "too deep";
}

// Lays objects out one after the other as each model would, and asks which it was.
TEST(LayoutVote, FindsTheModelByItsNeighbours) {
  Classes made;
  const uint32_t object = made.Add("java/lang/Object", 0, {});
  const uint32_t pair = made.Add("Pair", Classes::Id(object), {kObject, kObject, kByte});
  const uint32_t child = made.Add("Child", Classes::Id(pair), {kByte, kLong});
  const LayoutModel models[] = {kCompressed,
                                kWide,
                                kCompact,
                                kBefore15,
                                {8, 12, false, true, 8},
                                {4, 16, false, true, 8},
                                {4, 12, false, true, 16},
                                {8, 8, true, true, 8}};
  for (const LayoutModel& model : models) {
    LayoutVote vote;
    uint64_t address = 0x700000000;
    InstanceSizes sizes(made.classes_, made.names_, model);
    for (uint32_t i = 0; i < 2000; ++i) {
      if (i % 3 == 0) {
        const uint8_t type = i % 2 == 0 ? kObject : kByte;
        vote.Array(address, type, i % 17);
        address += model.ArrayBytes(ValueBytes(type, model.reference_bytes), i % 17);
      } else {
        const uint32_t position = i % 5 == 0 ? child : pair;
        vote.Instance(address, Classes::Id(position));
        address += *sizes.Of(position);
      }
    }
    const LayoutModel winner = vote.Winner(made.classes_, made.names_, 8);
    EXPECT_EQ(winner.Describe(), model.Describe());
    EXPECT_EQ(winner.fields_fill_gaps, model.fields_fill_gaps) << model.Describe();
    EXPECT_EQ(winner.packed_elements, model.packed_elements) << model.Describe();
  }
}

}  // namespace
}  // namespace tidemark::hprof
