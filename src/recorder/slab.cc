#include "recorder/slab.h"

#include <sys/mman.h>

#include "recorder/sys.h"

namespace tidemark::recorder {
namespace {

constexpr uint32_t kFree =
    0x80000000;  // of a tag: the rest links to the next free block (index + 1)
constexpr uint32_t kReleasing = kFree | 0x7fffffff;  // between BeginRelease and EndRelease
constexpr uint64_t kCommitStep = 1024 * 1024;
constexpr uint64_t kPageBytes = 4096;
constexpr uint64_t kGetRandomNonBlocking = 1;

constexpr uint64_t RoundUp(uint64_t value, uint64_t step) {
  return (value + step - 1) / step * step;
}

uint64_t RoundUpToPowerOfTwo(uint64_t value) {
  return value <= 1 ? 1 : uint64_t{1} << (64 - __builtin_clzll(value - 1));
}

// Reserves [at, at + bytes) without access, or nothing.
bool MapReserveAt(uint64_t at, uint64_t bytes) {
  constexpr uint64_t kFixedNoReplace = 0x100000;  // Linux 4.17; a hint before
  const long got = Syscall(SYS_mmap, at, bytes, PROT_NONE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | kFixedNoReplace,
                           static_cast<uint64_t>(-1), 0);
  if (Failed(got)) return false;
  if (static_cast<uint64_t>(got) == at) return true;
  Syscall(SYS_munmap, static_cast<uint64_t>(got), bytes);
  return false;
}

// Index of the class and its size on a scale of four steps a doubling: 4, 5, 6, 7, 8, 10, 12, 14,
// 16, 20, ... for 0, 1, 2, ...
int GeometricClass(uint64_t value) {
  if (value <= 4) return 0;
  const int shift = 61 - __builtin_clzll(value - 1);  // value - 1 in [4 << shift, 8 << shift)
  return 4 * shift + static_cast<int>((value - 1) >> shift) - 4 + 1;
}
uint64_t GeometricSize(int size_class) {
  return (uint64_t{4} + static_cast<uint64_t>(size_class % 4)) << (size_class / 4);
}

}  // namespace

bool Slab::Reserve() {
  constexpr int kTries = 16;
  constexpr uint64_t kPlaces = (uint64_t{1} << kParityShift) / kRangeBytes;
  for (int i = 0; i < kTries; ++i) {
    uint64_t random = static_cast<uint64_t>(i);
    Syscall(SYS_getrandom, Address(&random), sizeof random, kGetRandomNonBlocking);
    const uint64_t odd = uint64_t{1} << (random >> 32) % 4;  // one of the four bits
    const uint64_t at = (odd << kParityShift) + random % kPlaces * kRangeBytes;
    if (!MapReserveAt(at, kRangeBytes)) continue;
    // One small sampled block must not cost a huge page.
    Syscall(SYS_madvise, at, kLargeOffset, MADV_NOHUGEPAGE);
    base_ = at;
    return true;
  }
  return false;
}

bool Slab::Contains(const void* pointer) const {
  return base_ != 0 && (Address(pointer) & ~(kRangeBytes - 1)) == base_;
}

int Slab::SmallClass(uint64_t size) {
  if (size <= 1024) return size == 0 ? 0 : static_cast<int>((size - 1) / kGranule);
  return 16 + GeometricClass(RoundUp(size, kGranule * 4) / (kGranule * 4)) - 1;
}

uint64_t Slab::SmallClassBytes(int size_class) {
  if (size_class < 16) return static_cast<uint64_t>(size_class + 1) * kGranule;
  return GeometricSize(size_class - 16 + 1) * kGranule * 4;
}

int Slab::LargeClass(uint64_t units) {
  return units <= 4 ? static_cast<int>(units) - 1 : GeometricClass(units) + 3;
}

uint64_t Slab::LargeClassUnits(int size_class) {
  return size_class < 4 ? static_cast<uint64_t>(size_class) + 1 : GeometricSize(size_class - 3);
}

uint32_t* Slab::TagOf(uint64_t small_offset) const {
  return reinterpret_cast<uint32_t*>(base_ + kTagsOffset) + small_offset / kGranule;
}

Slab::Run* Slab::RunOf(uint64_t unit) const {
  return reinterpret_cast<Run*>(base_ + kRunsOffset) + unit;
}

// Makes [offset, offset + needed_end) of the range accessible, in steps, `*committed` being what
// already is.
bool Slab::Commit(uint64_t offset, uint64_t needed_end, uint64_t section_bytes,
                  uint64_t* committed) {
  if (needed_end <= *committed) return true;
  uint64_t end = RoundUp(needed_end, kCommitStep);
  if (end > section_bytes) end = section_bytes;
  if (needed_end > end) return false;
  const long result =
      Syscall(SYS_mprotect, base_ + offset + *committed, end - *committed, PROT_READ | PROT_WRITE);
  if (Failed(result)) return false;
  *committed = end;
  return true;
}

void* Slab::Allocate(size_t size, size_t alignment, bool* zeroed) {
  if (alignment > kMaxAlignment || size > kLargeBytes) return nullptr;
  if (size <= kMaxSmall && alignment <= kMaxSmall) {
    const uint64_t bytes =
        alignment <= kGranule ? size : RoundUpToPowerOfTwo(size > alignment ? size : alignment);
    if (void* block = AllocateSmall(SmallClass(bytes), zeroed)) return block;
  }
  return AllocateLarge(size, alignment, zeroed);
}

void* Slab::AllocateSmall(int size_class, bool* zeroed) {
  SmallState& state = small_[size_class];
  uint64_t offset;
  if (state.free_head != 0) {
    offset = uint64_t{state.free_head - 1} * kGranule;
    state.free_head = *TagOf(offset) & ~kFree;
    *zeroed = false;
  } else {
    const uint64_t bytes = SmallClassBytes(size_class);
    if (state.unit == 0 || state.next + bytes > kUnitBytes) {
      const uint64_t end = small_bump_ + kUnitBytes;
      if (end > kSmallBytes || !Commit(0, end, kSmallBytes, &small_committed_) ||
          !Commit(kTagsOffset, end / kGranule * sizeof(uint32_t), kTagsBytes, &tags_committed_)) {
        return nullptr;
      }
      const uint64_t unit = small_bump_ / kUnitBytes;
      unit_class_[unit] = static_cast<uint8_t>(size_class + 1);
      state.unit = static_cast<uint32_t>(unit + 1);
      state.next = 0;
      small_bump_ = end;
    }
    offset = uint64_t{state.unit - 1} * kUnitBytes + state.next;
    state.next += static_cast<uint32_t>(bytes);
    *zeroed = true;
  }
  *TagOf(offset) = kNoTag;
  return reinterpret_cast<void*>(base_ + offset);
}

Slab::Run* Slab::ReuseRun(int size_class, uint64_t alignment, bool* zeroed) {
  constexpr int kLookAt = 8;  // runs looked at before a new one is cut
  Run* previous = nullptr;
  uint32_t link = large_free_[size_class];
  for (int i = 0; i < kLookAt && link != 0; ++i) {
    const uint64_t unit = link - 1;
    Run* run = RunOf(unit);
    const uint64_t address = base_ + kLargeOffset + unit * kUnitBytes;
    if (address % alignment != 0) {
      previous = run;
      link = run->tag & ~kFree;
      continue;
    }
    if (previous == nullptr) {
      large_free_[size_class] = run->tag & ~kFree;
    } else {
      previous->tag = run->tag;
    }
    if (run->retained) retained_ -= run->units * kUnitBytes;
    *zeroed = run->dirty == 0;
    run->retained = 0;
    run->tag = kNoTag;
    return run;
  }
  return nullptr;
}

Slab::Run* Slab::CutRun(uint64_t units, uint64_t alignment, bool* zeroed) {
  const uint64_t start =
      RoundUp(base_ + kLargeOffset + large_bump_, alignment > kUnitBytes ? alignment : kUnitBytes) -
      base_ - kLargeOffset;
  const uint64_t end = start + units * kUnitBytes;
  const uint64_t unit = start / kUnitBytes;
  constexpr uint64_t kRunsBytes = kLargeBytes / kUnitBytes * sizeof(Run);
  if (end > kLargeBytes || !Commit(kLargeOffset, end, kLargeBytes, &large_committed_) ||
      !Commit(kRunsOffset, RoundUp((unit + 1) * sizeof(Run), kPageBytes), kRunsBytes,
              &runs_committed_)) {
    return nullptr;
  }
  large_bump_ = end;
  Run* run = RunOf(unit);
  *run = {
      .tag = kNoTag, .units = static_cast<uint32_t>(units), .dirty = 1, .retained = 0, .skew = 0};
  *zeroed = true;
  return run;
}

void* Slab::AllocateLarge(uint64_t size, uint64_t alignment, bool* zeroed) {
  // Pages that may be moved, and blocks that ask for more, begin where the run does.
  const bool skewed = alignment <= kGranule && size < kMovePagesFrom;
  const uint64_t bytes = size + (skewed ? kSkews * kGranule : 0);
  const uint64_t units = bytes == 0 ? 1 : (bytes + kUnitBytes - 1) / kUnitBytes;
  const int size_class = LargeClass(units);
  if (size_class >= kLargeClasses) return nullptr;
  Run* run = ReuseRun(size_class, alignment, zeroed);
  if (run == nullptr) run = CutRun(LargeClassUnits(size_class), alignment, zeroed);
  if (run == nullptr) return nullptr;
  run->dirty = 1;
  run->skew = static_cast<uint32_t>(skewed ? ++skews_ % kSkews * kGranule : 0);
  return reinterpret_cast<void*>(RunAddress(run) + run->skew);
}

bool Slab::GrowInPlace(void* pointer, size_t size) {
  const uint64_t offset = Address(pointer) - base_;
  if (size > kLargeBytes / 2 || !IsLargeBlock(offset)) return false;
  Run* run = RunOf(UnitOf(offset));
  const uint64_t begin = UnitOf(offset) * kUnitBytes;
  if (begin + run->units * kUnitBytes != large_bump_) return false;
  const int size_class = LargeClass((size + run->skew + kUnitBytes - 1) / kUnitBytes);
  if (size_class >= kLargeClasses) return false;
  const uint64_t end = begin + LargeClassUnits(size_class) * kUnitBytes;
  if (end > kLargeBytes || !Commit(kLargeOffset, end, kLargeBytes, &large_committed_)) return false;
  run->units = static_cast<uint32_t>((end - begin) / kUnitBytes);
  large_bump_ = end;
  return true;
}

uint64_t Slab::RunAddress(const Run* run) const {
  return base_ + kLargeOffset + static_cast<uint64_t>(run - RunOf(0)) * kUnitBytes;
}

bool Slab::IsSmallBlock(uint64_t offset) const {
  if (offset >= small_bump_ || offset % kGranule != 0) return false;
  const uint64_t bytes = SmallClassBytes(unit_class_[offset / kUnitBytes] - 1);
  if (offset % kUnitBytes % bytes != 0 || offset % kUnitBytes + bytes > kUnitBytes) return false;
  const uint32_t tag = *TagOf(offset);
  return tag != 0 && (tag & kFree) == 0;
}

bool Slab::IsLargeBlock(uint64_t offset) const {
  if (offset < kLargeOffset || offset - kLargeOffset >= large_bump_) return false;
  const uint64_t unit = UnitOf(offset);
  if ((unit + 1) * sizeof(Run) > runs_committed_) return false;
  const Run* run = RunOf(unit);
  return run->units != 0 && (run->tag & kFree) == 0 && offset % kUnitBytes == run->skew;
}

size_t Slab::UsableBytes(const void* pointer) const {
  if (!Contains(pointer)) return 0;
  const uint64_t offset = Address(pointer) - base_;
  if (IsSmallBlock(offset)) return SmallClassBytes(unit_class_[offset / kUnitBytes] - 1);
  if (IsLargeBlock(offset)) {
    const Run* run = RunOf(UnitOf(offset));
    return run->units * kUnitBytes - run->skew;
  }
  return 0;
}

uint32_t Slab::Tag(const void* pointer) const {
  const uint64_t offset = Address(pointer) - base_;
  return offset < kSmallBytes ? *TagOf(offset) : RunOf(UnitOf(offset))->tag;
}

void Slab::SetTag(const void* pointer, uint32_t tag) {
  const uint64_t offset = Address(pointer) - base_;
  (offset < kSmallBytes ? *TagOf(offset) : RunOf(UnitOf(offset))->tag) = tag;
}

Slab::Release Slab::BeginRelease(void* pointer) {
  if (UsableBytes(pointer) == 0) return {};
  SetTag(pointer, kReleasing);
  const uint64_t offset = Address(pointer) - base_;
  if (offset < kSmallBytes) return {.known = true};
  Run* run = RunOf(UnitOf(offset));
  const uint64_t bytes = run->units * kUnitBytes;
  if (bytes <= kMaxRetainedBlock && retained_ + bytes <= kMaxRetained) {
    retained_ += bytes;
    run->retained = 1;
    return {.known = true};
  }
  return {.known = true, .purge_bytes = bytes};
}

void Slab::Purge(void* pointer, Release* release) {
  if (release->purge_bytes == 0) return;
  release->purged = !Failed(Syscall(SYS_madvise, Address(pointer) / kUnitBytes * kUnitBytes,
                                    release->purge_bytes, MADV_DONTNEED));
}

void Slab::EndRelease(void* pointer, const Release& release) {
  const uint64_t offset = Address(pointer) - base_;
  if (offset < kSmallBytes) {
    SmallState& state = small_[unit_class_[offset / kUnitBytes] - 1];
    *TagOf(offset) = kFree | state.free_head;
    state.free_head = static_cast<uint32_t>(offset / kGranule + 1);
    return;
  }
  const uint64_t unit = UnitOf(offset);
  Run* run = RunOf(unit);
  uint32_t* head = &large_free_[LargeClass(run->units)];
  if (release.purged) run->dirty = 0;
  run->tag = kFree | *head;
  *head = static_cast<uint32_t>(unit + 1);
}

bool Slab::MovePages(void* from, void* to, uint64_t bytes) {
#ifndef MREMAP_DONTUNMAP
  constexpr int MREMAP_DONTUNMAP = 4;
#endif
  const long result = Syscall(SYS_mremap, Address(from), bytes, bytes,
                              MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, Address(to));
  return !Failed(result);
}

}  // namespace tidemark::recorder
