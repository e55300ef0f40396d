#include "recorder/unwinder.h"

#include <execinfo.h>
#include <gtest/gtest.h>
#include <link.h>
#include <sys/mman.h>

#include <algorithm>
#include <csetjmp>
#include <csignal>
#include <memory>
#include <thread>
#include <vector>

#include "recorder/elf_image.h"

extern "C" void* __libc_stack_end;  // NOLINT: glibc's name

namespace tidemark::recorder {
namespace {

std::vector<CodeRange> LoadedCode() {
  std::vector<CodeRange> ranges;
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void* out) {
        const ElfImage image(*info);
        for (int i = 0; i < info->dlpi_phnum; ++i) {
          const auto& segment = info->dlpi_phdr[i];
          if (segment.p_type != PT_LOAD || (segment.p_flags & PF_X) == 0) continue;
          const uint64_t start = info->dlpi_addr + segment.p_vaddr;
          CodeRange range{.start = start, .limit = start + segment.p_memsz};
          if (const uint64_t table = image.eh_frame_hdr(); table != 0) {
            range.eh_frame_hdr = table;
            range.table_start = image.SegmentStart(table);
            range.table_end = image.SegmentEnd(table);
          }
          static_cast<std::vector<CodeRange>*>(out)->push_back(range);
        }
        return 0;
      },
      &ranges);
  std::sort(ranges.begin(), ranges.end(), [](auto& a, auto& b) { return a.start < b.start; });
  return ranges;
}

uint64_t StackEnd() {
  uint64_t thread_pointer;
  asm("movq %%fs:0, %0" : "=r"(thread_pointer));
  const auto here = reinterpret_cast<uint64_t>(__builtin_frame_address(0));
  return here < thread_pointer ? thread_pointer : reinterpret_cast<uint64_t>(__libc_stack_end);
}

struct Walk {
  std::vector<uint64_t> ours;    // from the caller of Capture on
  std::vector<uint64_t> theirs;  // the same by glibc
  bool complete = false;
  std::vector<CodeRange> ranges = LoadedCode();
  std::unique_ptr<RuleCache> cache = std::make_unique<RuleCache>();
  StackBounds bounds;
  size_t max = 64;
};

[[gnu::noinline]] void Capture(Walk* walk) {
  const auto* frame = static_cast<const uint64_t*>(__builtin_frame_address(0));
  const FrameState start{
      .pc = frame[1], .sp = reinterpret_cast<uint64_t>(frame + 2), .bp = frame[0]};
  uint64_t frames[64];
  const UnwindResult result = Unwind(start, StackEnd(), {walk->ranges.data(), walk->ranges.size()},
                                     walk->cache.get(), &walk->bounds, frames, walk->max);
  walk->ours.assign(frames, frames + result.depth);
  walk->complete = result.complete;
  void* addresses[80];
  const int count = backtrace(addresses, 80);
  walk->theirs.clear();
  for (int i = 1; i < count; ++i) walk->theirs.push_back(reinterpret_cast<uint64_t>(addresses[i]));
  asm volatile("");
}

// Frames of different shapes: with a realigned stack, with a variable one, and deep ones.
[[gnu::noinline]] void Realigned(Walk* walk, int depth);
[[gnu::noinline]] void Variable(Walk* walk, int depth) {
  auto* room = static_cast<volatile char*>(__builtin_alloca(static_cast<size_t>(depth) * 16 + 16));
  room[0] = 1;
  if (depth == 0) {
    Capture(walk);
  } else {
    Realigned(walk, depth - 1);
  }
  room[1] = 2;
}
void Realigned(Walk* walk, int depth) {
  alignas(64) char room[64];
  asm volatile("" ::"r"(room) : "memory");
  Variable(walk, depth);
  asm volatile("" ::"r"(room) : "memory");
}

// The return address into the capturing function differs between the two calls in it; all above
// must agree.
void ExpectSameCallers(const Walk& walk) {
  ASSERT_GT(walk.ours.size(), 3u);
  ASSERT_GE(walk.theirs.size(), walk.ours.size());
  for (size_t i = 0; i < walk.ours.size(); ++i)
    EXPECT_EQ(walk.ours[i], walk.theirs[i]) << "frame " << i;
}

TEST(UnwinderTest, AgreesWithGlibcThroughEveryFrameShape) {
  for (int depth = 0; depth < 8; ++depth) {
    Walk walk;
    Variable(&walk, depth);
    ExpectSameCallers(walk);
    EXPECT_TRUE(walk.complete);
    EXPECT_EQ(walk.ours.size(), walk.theirs.size());
  }
}

TEST(UnwinderTest, AThreadsStackEndsWhereTheThreadBegan) {
  Walk walk;
  std::thread([&] { Variable(&walk, 3); }).join();
  ExpectSameCallers(walk);
  EXPECT_TRUE(walk.complete);
}

Walk* signal_walk = nullptr;

TEST(UnwinderTest, GoesThroughASignalHandlerToWhatItInterrupted) {
  Walk walk;
  signal_walk = &walk;
  auto* before = std::signal(SIGUSR2, [](int) { Variable(signal_walk, 1); });
  std::raise(SIGUSR2);
  std::signal(SIGUSR2, before);
  EXPECT_TRUE(walk.complete);
  EXPECT_EQ(walk.ours.size(), walk.theirs.size());
  EXPECT_EQ(walk.ours.back(), walk.theirs.back());
}

TEST(UnwinderTest, DeepStacksKeepTheLeafmostFrames) {
  Walk walk;
  walk.max = 5;
  Variable(&walk, 20);
  EXPECT_EQ(walk.ours.size(), 5u);
  EXPECT_FALSE(walk.complete);
  walk.theirs.resize(5);
  ExpectSameCallers(walk);
}

TEST(UnwinderTest, NonsenseRegistersEndTheWalkAndReadNothing) {
  Walk walk;
  uint64_t frames[64];
  for (const uint64_t sp :
       {uint64_t{0}, uint64_t{8}, ~uint64_t{0} - 7, uint64_t{0x7000'0000'0000}}) {
    for (const uint64_t bp : {uint64_t{0}, sp, ~uint64_t{0}}) {
      const UnwindResult result = Unwind(
          {.pc = reinterpret_cast<uint64_t>(&Capture) + 5, .sp = sp, .bp = bp}, StackEnd(),
          {walk.ranges.data(), walk.ranges.size()}, walk.cache.get(), &walk.bounds, frames, 64);
      EXPECT_EQ(result.depth, 1u);
    }
  }
}

// Every address of this program's own table is looked up; none may crash or read outside.
TEST(UnwinderTest, EveryAddressHasARuleOrNone) {
  const auto ranges = LoadedCode();
  const auto here = reinterpret_cast<uint64_t>(&Capture);
  size_t known = 0;
  for (const CodeRange& range : ranges) {
    if (here < range.start || here >= range.limit) continue;
    for (uint64_t pc = range.start; pc < range.limit; pc += 3) {
      known += FindCfaRule(range, pc).kind != CfaRule::kNone;
    }
    EXPECT_GT(known, (range.limit - range.start) / 3 / 2);
  }
}

// A damaged table: every byte of the header and of one entry flipped in a copy.
TEST(UnwinderTest, ADamagedTableYieldsSomeRuleAndReadsWithinIt) {
  const auto ranges = LoadedCode();
  const auto here = reinterpret_cast<uint64_t>(&Capture);
  const auto range = *std::find_if(ranges.begin(), ranges.end(),
                                   [&](auto& r) { return here >= r.start && here < r.limit; });
  const uint64_t bytes = range.table_end - range.eh_frame_hdr;
  // Exactly sized heap copy, so that the address sanitizer sees any read outside. Offsets within it
  // stay those of the original.
  for (uint64_t at = 0; at < std::min<uint64_t>(bytes, 4096); ++at) {
    std::vector<uint8_t> copy(reinterpret_cast<const uint8_t*>(range.eh_frame_hdr),
                              reinterpret_cast<const uint8_t*>(range.table_end));
    copy[at] ^= 0xff;
    const auto base = reinterpret_cast<uint64_t>(copy.data());
    const CodeRange damaged{.start = range.start,
                            .limit = range.limit,
                            .eh_frame_hdr = base,
                            .table_start = base,
                            .table_end = base + bytes};
    const uint64_t moved = base - range.eh_frame_hdr;  // the table is relative to itself
    const CfaRule rule = FindCfaRule(damaged, here + moved + 5);
    EXPECT_LE(rule.kind, CfaRule::kSignal);
  }
}

// Generated code without a table: a function that ends where its call returns.
TEST(UnwinderTest, WalksThroughGeneratedCodeThatReturnsAtOnce) {
  const std::vector<std::vector<uint8_t>> codes = {
      // sub $8,%rsp; call *%rsi; add $8,%rsp; ret
      {0x48, 0x83, 0xec, 0x08, 0xff, 0xd6, 0x48, 0x83, 0xc4, 0x08, 0xc3},
      // push %rbp; mov %rsp,%rbp; call *%rsi; pop %rbp; ret
      {0x55, 0x48, 0x89, 0xe5, 0xff, 0xd6, 0x5d, 0xc3}};
  for (const auto& code : codes) {
    void* page =
        mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) GTEST_SKIP() << "no page may be written and executed here";
    std::copy(code.begin(), code.end(), static_cast<uint8_t*>(page));
    Walk walk;
    reinterpret_cast<void (*)(Walk*, void (*)(Walk*))>(page)(&walk, &Capture);
    ASSERT_GE(walk.ours.size(), 3u);
    EXPECT_EQ(walk.ours[0] & ~uint64_t{4095}, reinterpret_cast<uint64_t>(page));
    const CodeRanges ranges{walk.ranges.data(), walk.ranges.size()};
    EXPECT_NE(ranges.Find(walk.ours[1] - 1), nullptr) << "this test";
    EXPECT_TRUE(walk.complete);
    munmap(page, 4096);
  }
}

}  // namespace
}  // namespace tidemark::recorder
