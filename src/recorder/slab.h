// Memory for sampled blocks, all of it inside one reserved range aligned to its own size, so that
// `free` recognises a sampled block by its address alone. Out-of-band metadata: a stray free or an
// overflow of the host cannot mislead it.
//
//   base           +1 GiB        +64 MiB      +32 MiB       +2 GiB +128 GiB | small blocks | small
//   tags  | large meta | (unused)    | large blocks, units of 64 KiB            |
//
// Small blocks (<= 32 KiB) are cut from 64 KiB units of one size class each; tags hold 4 bytes for
// every 64 bytes. Large blocks are runs of units; freed runs keep their size class. Everything is
// PROT_NONE until used, then committed in steps of 1 MiB. Limits: one range a process;
// fragmentation at most one class step (25 %) for each block, in address space for large ones.
// Threads: the caller holds the recorder's lock, but for Contains, UsableBytes and Tag of a block
// the caller owns.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace tidemark::recorder {

class Slab {
 public:
  static constexpr uint64_t kRangeBytes = uint64_t{1} << 37;
  // The range lies where bits 43 to 46 of an address have odd parity. On x86-64 Linux the rest of a
  // process does not: program and heap at 0 (not PIE, brk) or 0x55-0x56 << 40 (PIE: bits 1010),
  // mappings and stacks at 0x78-0x7f << 40 (1111), legacy mappings at 0x2a << 40 (0101). Where
  // something does all the same, its frees cost a closer look and no more.
  static constexpr int kParityShift = 43;
  static constexpr uint64_t kUnitBytes = 64 * 1024;
  static constexpr uint64_t kMaxSmall = 32 * 1024;
  static constexpr uint64_t kMaxAlignment = uint64_t{1} << 30;
  static constexpr uint32_t kNoTag = 0x7ffffff0;  // largest tag a caller may set

  // Reserves the range, at a random place. False when the address space is refused (ulimit -v).
  bool Reserve();

  uint64_t base() const { return base_; }
  uint64_t used_bytes() const { return small_bump_ + large_bump_; }
  bool Contains(const void* pointer) const;

  // A block of at least `size` bytes at a multiple of `alignment` (a power of two), or null when
  // the range or the system's memory is exhausted. `*zeroed` tells whether its bytes are known to
  // be zero. Its tag is kNoTag.
  void* Allocate(size_t size, size_t alignment, bool* zeroed);

  // Bytes the owner of the block may use; 0 when `pointer` is not the start of an allocated block.
  size_t UsableBytes(const void* pointer) const;

  // Makes a large block hold `size` bytes where it is; possible for the one cut last.
  bool GrowInPlace(void* pointer, size_t size);

  // The caller's number for an allocated block.
  uint32_t Tag(const void* pointer) const;
  void SetTag(const void* pointer, uint32_t tag);

  // Takes an allocated block back in two steps: between them the caller, without the lock, calls
  // Purge, which returns large blocks' pages to the system. A block in between is not allocated and
  // not handed out.
  struct Release {
    bool known = false;
    bool purged = false;  // the pages are gone (mlocked ones stay)
    uint64_t purge_bytes = 0;
  };
  Release BeginRelease(void* pointer);
  static void Purge(void* pointer, Release* release);
  void EndRelease(void* pointer, const Release& release);

  // Moves `bytes` of content between two large blocks by remapping pages; false when the kernel
  // cannot (then copy).
  static bool MovePages(void* from, void* to, uint64_t bytes);
  static constexpr uint64_t kMovePagesFrom = 16 * 1024 * 1024;

 private:
  static constexpr uint64_t kGranule = 64;
  static constexpr uint64_t kSmallBytes = uint64_t{1} << 30;
  static constexpr uint64_t kTagsOffset = kSmallBytes;
  static constexpr uint64_t kTagsBytes = kSmallBytes / kGranule * sizeof(uint32_t);
  static constexpr uint64_t kRunsOffset = kTagsOffset + kTagsBytes;
  static constexpr uint64_t kLargeOffset = uint64_t{2} << 30;
  static constexpr uint64_t kLargeBytes = kRangeBytes - kLargeOffset;
  static constexpr int kSmallClasses = 36;
  static constexpr int kLargeClasses = 96;
  static constexpr uint64_t kMaxRetained = 16 * 1024 * 1024;
  static constexpr uint64_t kMaxRetainedBlock = 4 * 1024 * 1024;

  // Large blocks begin at different places of a page, or copies between them would meet in the same
  // cache sets and in the processor's guess (by the low 12 bits) which load waits for which store.
  static constexpr uint64_t kSkews = 61;  // of a granule each; prime

  // Metadata of the run that begins at this unit. A tag or link has kFree set while the block is
  // not allocated.
  struct Run {
    uint32_t tag;       // tag, or kFree | unit index of the next free run
    uint32_t units;     // 0: no run begins here
    uint16_t dirty;     // 1: content may be non-zero
    uint16_t retained;  // 1: free and counted in retained_
    uint32_t skew;      // of the block from the run's beginning, bytes
  };
  static_assert(kRunsOffset + kLargeBytes / kUnitBytes * sizeof(Run) <= kLargeOffset);

  static int SmallClass(uint64_t size);
  static uint64_t SmallClassBytes(int size_class);
  static int LargeClass(uint64_t units);
  static uint64_t LargeClassUnits(int size_class);

  void* AllocateSmall(int size_class, bool* zeroed);
  void* AllocateLarge(uint64_t size, uint64_t alignment, bool* zeroed);
  Run* ReuseRun(int size_class, uint64_t alignment, bool* zeroed);
  Run* CutRun(uint64_t units, uint64_t alignment, bool* zeroed);
  bool Commit(uint64_t offset, uint64_t needed_end, uint64_t section_bytes, uint64_t* committed);

  uint32_t* TagOf(uint64_t small_offset) const;
  Run* RunOf(uint64_t unit) const;
  static uint64_t UnitOf(uint64_t offset) { return (offset - kLargeOffset) / kUnitBytes; }
  uint64_t RunAddress(const Run* run) const;
  bool IsSmallBlock(uint64_t offset) const;
  bool IsLargeBlock(uint64_t offset) const;

  uint64_t base_ = 0;
  uint64_t small_bump_ = 0;       // bytes of units handed out
  uint64_t small_committed_ = 0;  // bytes accessible in each section
  uint64_t tags_committed_ = 0;
  uint64_t runs_committed_ = 0;
  uint64_t large_bump_ = 0;
  uint64_t large_committed_ = 0;
  uint64_t skews_ = 0;     // given out
  uint64_t retained_ = 0;  // bytes of free runs not returned to the system
  struct SmallState {
    uint32_t free_head;  // granule index + 1 of a free block; 0 when none
    uint32_t unit;       // unit index + 1 being cut; 0 when none
    uint32_t next;       // offset in it of the next block to cut
  };
  SmallState small_[kSmallClasses] = {};
  uint32_t large_free_[kLargeClasses] = {};            // unit index + 1 of the first free run
  uint8_t unit_class_[kSmallBytes / kUnitBytes] = {};  // class + 1 of each small unit
};

}  // namespace tidemark::recorder
