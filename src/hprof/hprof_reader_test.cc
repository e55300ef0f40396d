#include "hprof/hprof_reader.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <thread>

#include "hprof/made_program.h"
#include "hprof/read_for_tests.h"

namespace tidemark::hprof {
namespace {

using heapgraph::RootKind;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;
using namespace made;  // NOLINT: its ids

TEST(HprofReader, TellsObjectsWithTheirTypesSizesAndReferences) {
  const ReadDump read = ReadBytes(Program());
  ASSERT_EQ(read.error, "");
  EXPECT_EQ(read.outcome.damage, "");
  EXPECT_EQ(read.outcome.bytes, Program().size());
  EXPECT_EQ(read.TypeOf(kNode), "com.example.Node");
  EXPECT_EQ(read.sink.objects.at(kNode).bytes, 24u);  // 12 + 4 + 4 + 4
  EXPECT_THAT(read.Of(kNode), ElementsAre("value 2600"));
  EXPECT_EQ(read.TypeOf(kCacheArray), "com.example.Node[]");
  EXPECT_EQ(read.sink.objects.at(kCacheArray).bytes, 32u);  // 16 + 3 * 4
  EXPECT_THAT(read.Of(kCacheArray), ElementsAre("1 2500"));
  EXPECT_EQ(read.TypeOf(kBytes), "byte[]");
  EXPECT_EQ(read.sink.objects.at(kBytes).bytes, 120u);  // 16 + 100
  EXPECT_TRUE(read.sink.objects.at(kBytes).pointer_free);
}

TEST(HprofReader, StaticFieldsOfClassesThatAreNeverUnloadedAreNamedRoots) {
  const ReadDump read = ReadBytes(Program());
  ASSERT_TRUE(read.sink.holders.contains("com.example.Main.cache"));
  const auto& holder = read.sink.holders.at("com.example.Main.cache");
  EXPECT_EQ(holder.kind, RootKind::kGlobal);
  ASSERT_EQ(holder.references.size(), 1u);
  EXPECT_EQ(holder.references[0].target, kCacheArray);
  EXPECT_FALSE(read.sink.holders.contains("com.example.Main.empty"));
  EXPECT_THAT(read.sink.roots, Contains(Pair(RootKind::kSystem, uint64_t{kMainClass})));
  EXPECT_THAT(read.Of(kMainClass), ElementsAre("<super> 1000", "<loader> 2000"));
  EXPECT_EQ(read.TypeOf(kMainClass), "java.lang.Class");
}

TEST(HprofReader, AClassOfAnotherLoaderHoldsItsStaticFieldsAndIsHeldByItsInstances) {
  const ReadDump read = ReadBytes(Program());
  EXPECT_FALSE(read.sink.holders.contains("com.example.Plugin.state"));
  EXPECT_THAT(read.Of(kPluginClass), ElementsAre("<super> 1000", "<loader> 2100", "state 2a00"));
  EXPECT_EQ(read.TypeOf(kPluginClass), "class com.example.Plugin");
  EXPECT_THAT(read.Of(kPluginObject), ElementsAre("<class> 1a00"));
  EXPECT_THAT(read.sink.roots, Not(Contains(Pair(testing::_, uint64_t{kPluginClass}))));
}

TEST(HprofReader, WeakReferentsAreLeftOutAndSoftOnesKept) {
  const ReadDump read = ReadBytes(Program());
  EXPECT_THAT(read.Of(kWeakReference), ElementsAre("queue 2600"));
  EXPECT_THAT(read.Of(kSoftReference), ElementsAre("referent 2500", "queue 2300"));
  EXPECT_EQ(read.sink.facts.at("soft references, kept"), "1");
  EXPECT_EQ(read.sink.facts.at("weak and phantom references, not followed"), "1");
}

TEST(HprofReader, AThreadIsAHolderOfItsObjectAndItsLocals) {
  const ReadDump read = ReadBytes(Program());
  const auto& thread = read.sink.holders.at("thread #1 in com.example.Main.main");
  EXPECT_EQ(thread.kind, RootKind::kStack);
  EXPECT_EQ(thread.address, kMainThread);
  EXPECT_THAT(read.References(thread.references),
              ElementsAre("<thread> 2200", "local in com.example.Main.run (Main.java:12) 2300"));
}

TEST(HprofReader, RootsAreToldByTheirKinds) {
  const ReadDump read = ReadBytes(Program());
  EXPECT_THAT(read.sink.roots, Contains(Pair(RootKind::kHandle, uint64_t{kWeakReference})));
  EXPECT_THAT(read.sink.roots, Contains(Pair(RootKind::kSystem, uint64_t{kObjectClass})));
  EXPECT_THAT(read.sink.roots, Not(Contains(Pair(testing::_, uint64_t{kPluginObject}))))
      << "Android says that it is unreachable";
}

TEST(HprofReader, InMatsModelWeakReferentsCountAndClassesHoldTheirStaticFields) {
  const ReadDump read = ReadBytes(Program(), {.mat_compat = true});
  EXPECT_THAT(read.sink.holders, IsEmpty());
  EXPECT_THAT(read.Of(kWeakReference), ElementsAre("referent 2500", "queue 2600", "<class> 1300"));
  EXPECT_THAT(read.Of(kMainClass), ElementsAre("<super> 1000", "<loader> 2000", "cache 2400"));
  EXPECT_THAT(read.sink.roots, Not(Contains(Pair(testing::_, uint64_t{kMainClass}))));
  EXPECT_THAT(read.sink.roots, Contains(Pair(RootKind::kStack, uint64_t{kMainThread})));
  ASSERT_EQ(read.sink.references.size(), 1u);
  EXPECT_EQ(read.sink.references[0].first, kMainThread);
  EXPECT_EQ(read.sink.references[0].second.target, kLocal);
}

// What the events say, in any order.
std::string Summary(const ReadDump& read) {
  std::string text;
  for (const auto& [address, object] : read.sink.objects) {
    text +=
        std::to_string(address) + " " + read.TypeOf(address) + " " + std::to_string(object.bytes);
    for (const auto& reference : read.Of(address)) text += ", " + reference;
    text += "\n";
  }
  for (const auto& [name, holder] : read.sink.holders) {
    text += name;
    for (const auto& reference : read.References(holder.references)) text += ", " + reference;
    text += "\n";
  }
  return text;
}

TEST(HprofReader, ClassesNamesAndRootsMayComeAfterTheObjects) {
  MadeHprof dump;
  Objects(dump);
  dump.EndSegment();
  Roots(dump);
  dump.EndSegment();
  Classes(dump);
  dump.EndSegment();
  Records(dump);
  EXPECT_EQ(Summary(ReadBytes(dump.Finish())), Summary(ReadBytes(Program())));
}

TEST(HprofReader, ASecondReadingTellsTheSame) {
  EXPECT_EQ(Summary(ReadBytes(Program(), {}, 2)), Summary(ReadBytes(Program())));
}

TEST(HprofReader, OneRecordForTheWholeHeapIsReadLikeSegments) {
  MadeHprof dump;
  Records(dump);
  Classes(dump);
  Roots(dump);
  Objects(dump);
  dump.EndSegment(kHeapDump);
  EXPECT_EQ(Summary(ReadBytes(dump.so_far())), Summary(ReadBytes(Program())));
}

TEST(HprofReader, APipeIsReadOnce) {
  const std::string bytes = Program();
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  ASSERT_EQ(write(ends[1], bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  close(ends[1]);
  auto pipe_source = OpenByteSource("/proc/self/fd/" + std::to_string(ends[0]));
  ASSERT_TRUE(pipe_source);
  auto source = OpenHprof(std::move(*pipe_source));
  ASSERT_TRUE(source) << source.error().message;
  ReadDump read;
  ASSERT_TRUE((*source)->Read(read.sink, {}));
  EXPECT_EQ(Summary(read), Summary(ReadBytes(bytes)));
  const auto again = (*source)->Read(read.sink, {});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().message, "a pipe can be read only once");
  close(ends[0]);
}

TEST(HprofReader, ReadsIdsOfFourBytes) {
  MadeHprof dump(4, '1');
  dump.LoadClass(kObjectClass, "java/lang/Object");
  dump.LoadClass(kNodeClass, "Pair");
  dump.Class(kObjectClass, 0, 0, {}, {});
  dump.Class(kNodeClass, kObjectClass, 0, {}, {{"left"}, {"right"}});
  dump.Instance(kNode, kNodeClass, {0, kBytes});
  dump.PrimitiveArray(kBytes, kByte, 5);
  const ReadDump read = ReadBytes(dump.Finish());
  ASSERT_EQ(read.error, "");
  EXPECT_THAT(read.Of(kNode), ElementsAre("right 2600"));
  EXPECT_EQ(read.sink.objects.at(kNode).bytes, 16u);   // 8 + 2 * 4
  EXPECT_EQ(read.sink.objects.at(kBytes).bytes, 24u);  // 12 + 5, to 8
}

TEST(HprofReader, ReadsAndroidsRecords) {
  MadeHprof dump(4, '3');
  dump.LoadClass(kObjectClass, "java.lang.Object");
  dump.Class(kObjectClass, 0, 0, {}, {});
  std::string heap(1, static_cast<char>(kHeapInfo));
  MadeHprof::Big(&heap, 1, 4);
  MadeHprof::Big(&heap, 0x10000, 4);
  dump.Raw(heap);
  dump.Instance(kNode, kObjectClass, {});
  dump.PrimitiveArray(kBytes, kChar, 1000, false);
  dump.Root(kRootInternedString, kNode);
  dump.Root(kRootVmInternal, kBytes);
  dump.Root(kRootJniMonitor, kNode, {1, 2});
  const ReadDump read = ReadBytes(dump.Finish());
  ASSERT_EQ(read.outcome.damage, "");
  EXPECT_EQ(read.sink.objects.at(kBytes).bytes, 2016u);  // 12 + 2 * 1000, to 8
  EXPECT_EQ(read.sink.roots.size(), 4u);                 // and the class
}

TEST(HprofReader, ALargeArrayKeepsAllItsReferences) {
  MadeHprof dump;
  dump.LoadClass(kObjectClass, "java/lang/Object");
  dump.LoadClass(kArrayClass, "[Ljava/lang/Object;");
  dump.Class(kObjectClass, 0, 0, {}, {});
  dump.Class(kArrayClass, kObjectClass, 0, {}, {});
  std::vector<uint64_t> elements(1'000'000);
  for (size_t i = 0; i < elements.size(); i += 2) elements[i] = 0x100000 + 16 * i;
  dump.ObjectArray(kCacheArray, kArrayClass, elements);
  dump.Instance(kNode, kObjectClass, {});
  const ReadDump read = ReadBytes(dump.Finish());
  ASSERT_EQ(read.outcome.damage, "");
  const auto& array = read.sink.objects.at(kCacheArray);
  EXPECT_EQ(array.bytes, 4'000'016u);
  ASSERT_EQ(array.references.size(), 500'000u);
  EXPECT_EQ(array.references[499'999].target, elements[999'998]);
  EXPECT_EQ(array.references[499'999].label.number(), 999'998u);
  EXPECT_TRUE(read.sink.objects.contains(kNode));
}

// The first look ends when enough neighbours were seen and every loaded class is known.
TEST(HprofReader, AClassLoadedAfterTheFirstLookEndedIsStillKnown) {
  MadeHprof dump;
  dump.LoadClass(kObjectClass, "java/lang/Object");
  dump.Class(kObjectClass, 0, 0, {}, {});
  for (uint64_t i = 0; i < 60'000; ++i) dump.Instance(0x100000 + 16 * i, kObjectClass, {});
  dump.EndSegment();
  for (uint64_t i = 0; i < 60'000; ++i) dump.Instance(0x200000 + 16 * i, kObjectClass, {});
  dump.Instance(kNode, kNodeClass, {kBytes});
  dump.EndSegment();
  dump.LoadClass(kNodeClass, "Late");
  dump.Class(kNodeClass, kObjectClass, 0, {{"last", kObject, kNode}}, {{"only"}});
  const std::string bytes = dump.Finish();
  for (const int readings : {1, 2}) {
    const ReadDump read = ReadBytes(bytes, {}, readings);
    ASSERT_EQ(read.outcome.damage, "");
    EXPECT_EQ(read.TypeOf(kNode), "Late");
    EXPECT_EQ(read.sink.objects.at(kNode).bytes, 16u);
    EXPECT_THAT(read.Of(kNode), ElementsAre("only 2600"));
    EXPECT_TRUE(read.sink.holders.contains("Late.last"));
  }
}

TEST(HprofReader, AnInstanceOfAClassThatIsNowhereIsToldWithoutAType) {
  MadeHprof dump;
  dump.LoadClass(kObjectClass, "java/lang/Object");
  dump.Class(kObjectClass, 0, 0, {}, {});
  dump.Instance(kNode, kNodeClass, {kBytes});
  const ReadDump read = ReadBytes(dump.Finish());
  EXPECT_EQ(read.TypeOf(kNode), "");
  EXPECT_EQ(read.sink.facts.at("instances of unknown class"), "1");
}

}  // namespace
}  // namespace tidemark::hprof
