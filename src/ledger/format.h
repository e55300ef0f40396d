// The ledger: the file in which a recorded process keeps its live samples and stacks
// (docs/formats/ledger.md).
//
// One mapped file of fixed size, `$TIDEMARK_DIR/<pid>.ledger`. The recorder is its only writer;
// anyone who may read the file may read it at any instant, also after the writer was killed.
// Numbers are little-endian; structs are as laid out here by the x86-64 System V ABI and their
// sizes are asserted. Every slot has one 64-bit word that publishes it: all other fields are stored
// before it (release), and a reader takes it before and after copying the slot (acquire).
//
// This header is all that the recorder includes from outside its folder: no library code, constants
// and layouts only.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace tidemark::ledger {

inline constexpr uint64_t kMagic = 0x31524744454c4d54;  // bytes "TMLEDGR1", read little-endian
inline constexpr uint32_t kVersion = 1;

inline constexpr uint32_t kModuleCapacity = 1024;
inline constexpr uint32_t kStackCapacity = 16384;
inline constexpr uint32_t kFrameCapacity = 512 * 1024;  // frames of all stacks together
inline constexpr uint32_t kLiveCapacity = 65536;
inline constexpr uint32_t kMaxFrames = 64;  // of one stack; deeper ones keep the leaf-most 64
inline constexpr uint32_t kMaxBuildIdBytes = 32;
inline constexpr uint32_t kMaxModulePathBytes = 424;
inline constexpr uint32_t kMaxExePathBytes = 1024;

// Stack 0 stands for "stack not kept" (table full or nothing could be unwound); it has no frames.
inline constexpr uint32_t kUnknownStack = 0;

enum class State : uint32_t {
  kStarting = 0,  // file laid out, recorder not yet sampling
  kActive = 1,
  kOff = 2,  // see OffReason; what was recorded before stays readable
  kExited =
      3,  // the process ended by exit(); absent after a kill, so ask the kernel whether pid lives
};

enum class OffReason : uint32_t {
  kNone = 0,
  kDisabledByEnvironment = 1,
  kSecureExecution = 2,   // setuid, setgid, file capabilities
  kForeignAllocator = 3,  // another malloc is linked in or preloaded
  kUnsupportedCpu = 4,    // not x86-64
  kAddressSpace = 5,      // the range for sampled blocks could not be reserved (ulimit -v)
  kFileRefused = 6,       // folder or file could not be made
  kDiskFull = 7,
  kLockTimeout = 8,    // a lock was not had in time; a thread died or hangs inside the recorder
  kInvariant = 9,      // the recorder found its own tables inconsistent
  kFileCutShort = 10,  // another process truncated the ledger; the file no longer says so itself
};

// Why something was not recorded; index into Header::losses.
enum class Loss : uint32_t {
  kLiveTableFull = 0,    // sample dropped although thinning had just run
  kStackTableFull = 1,   // sample kept with kUnknownStack
  kModuleTableFull = 2,  // mapping not listed
  kSlabFull = 3,         // no room or memory for a sampled block: the block was served unsampled
  kLockBusy = 4,         // sample dropped rather than wait
  kReentered = 5,        // allocation inside the recorder or a signal handler that interrupted it
  kTruncatedStack =
      6,  // stack deeper than kMaxFrames, or unwinding stopped before the thread's first frame
  kUnknownFree = 7,  // pointer in the sampled range that is no block of ours; ignored
  kCount = 16,
};

// Where a section lies. A reader refuses values other than those of its own version.
struct Section {
  uint64_t offset;      // bytes from the start of the file
  uint32_t capacity;    // entries
  uint32_t entry_size;  // bytes
};

// The first page. Counters only grow (except live_samples) and are each one aligned word; they are
// not consistent with one another to the last event.
struct Header {
  uint64_t magic;  // written last
  uint32_t version;
  uint32_t header_size;  // sizeof(Header)
  uint64_t file_size;
  Section modules;
  Section stacks;
  Section frames;
  Section live;

  uint64_t pid;
  uint64_t parent_pid;
  uint64_t start_unix_ns;  // wall clock when this image of the process (exec) or this child (fork)
                           // began recording
  uint64_t start_monotonic_ns;  // CLOCK_MONOTONIC at the same instant: converts
                                // LiveSample::alloc_monotonic_ns
  uint64_t sample_bytes;        // sampling interval R at start: mean bytes between two samples
  uint32_t interval_shift;      // current interval is sample_bytes << interval_shift
  uint32_t state;               // State
  uint32_t off_reason;          // OffReason
  uint32_t forked;              // 1: a child that keeps only what it allocated since fork

  uint64_t samples;        // allocations sampled
  uint64_t sampled_frees;  // of those, freed
  uint64_t live_samples;   // in the live table now
  uint64_t thinned;        // live samples dropped, without bias, when the interval doubled
  uint64_t losses[static_cast<uint32_t>(Loss::kCount)];
  uint32_t modules_used;  // entries ever published; slots beyond are zero
  uint32_t stacks_used;
  uint32_t frames_used;
  uint32_t live_used;       // highest live slot ever used + 1
  uint64_t module_changes;  // grows with every dlopen and dlclose noticed
  uint64_t slab_bytes;      // address space taken for sampled blocks

  char exe_path[kMaxExePathBytes];  // of /proc/self/exe, NUL-terminated, cut when longer
  char recorder_version[32];        // NUL-terminated
};

// One executable mapping of a loaded ELF object: addresses in [start, limit) come from `path` at
// file_offset onwards. A slot never changes its mapping; dlclose sets `unloaded_monotonic_ns`.
struct Module {
  uint64_t state;  // 0 empty, 1 published
  uint64_t start;
  uint64_t limit;
  uint64_t file_offset;
  uint64_t load_bias;              // address = load_bias + ELF virtual address
  uint64_t unloaded_monotonic_ns;  // 0 while mapped
  uint32_t build_id_bytes;         // 0 when it has none
  uint32_t path_bytes;             // without the NUL
  uint8_t build_id[kMaxBuildIdBytes];
  char path[kMaxModulePathBytes];
};

// One distinct stack. Frames are return addresses, leaf first: frame 0 lies in the function that
// called the allocator, and (address - 1) is inside the call instruction.
struct Stack {
  uint64_t state;        // 0 empty, 1 published (frames, depth, hash are final then)
  uint64_t hash;         // of the frames
  uint32_t first_frame;  // index into the frame section
  uint32_t depth;        // <= kMaxFrames
  uint64_t samples;      // cumulative
  double alloc_bytes;    // cumulative, unbiased estimate: sum of size / p
  double alloc_objects;  // cumulative, unbiased estimate: sum of 1 / p
  uint64_t reserved[2];
};

// One sampled block that was not yet freed. `state` is (sequence << 8) | kind; sequence grows with
// each use of the slot.
inline constexpr uint64_t kSlotFree = 0;
inline constexpr uint64_t kSlotLive = 1;
// As LiveSample::interval_shift: not sampled but recorded for certain (a mapping); p = 1, whatever
// its size.
inline constexpr uint32_t kExactShift = 255;
struct LiveSample {
  uint64_t state;
  uint64_t address;
  uint64_t size;                // bytes asked for
  uint64_t alloc_monotonic_ns;  // CLOCK_MONOTONIC_COARSE
  uint32_t stack;               // index into the stack section
  uint32_t interval_shift;  // this sample stands for 1/p blocks, p = 1 - exp(-size / (sample_bytes
                            // << shift))
  uint8_t trace_id[16];     // of the span active when the block was allocated; all zero without one
  uint8_t span_id[8];
};

static_assert(sizeof(Section) == 16);
static_assert(sizeof(Header) <= 4096 && sizeof(Header) % 8 == 0);
static_assert(sizeof(Module) == 512);
static_assert(sizeof(Stack) == 64);
static_assert(sizeof(LiveSample) == 64);

// The layout of version 1. Sections begin on page boundaries and are filled from the front, so that
// a process that samples little touches little of its file.
inline constexpr uint64_t kPage = 4096;
constexpr uint64_t PageUp(uint64_t bytes) { return (bytes + kPage - 1) / kPage * kPage; }
inline constexpr uint64_t kModulesOffset = kPage;
inline constexpr uint64_t kStacksOffset =
    kModulesOffset + PageUp(uint64_t{kModuleCapacity} * sizeof(Module));
inline constexpr uint64_t kFramesOffset =
    kStacksOffset + PageUp(uint64_t{kStackCapacity} * sizeof(Stack));
inline constexpr uint64_t kLiveOffset =
    kFramesOffset + PageUp(uint64_t{kFrameCapacity} * sizeof(uint64_t));
inline constexpr uint64_t kFileSize =
    kLiveOffset + PageUp(uint64_t{kLiveCapacity} * sizeof(LiveSample));
static_assert(kFileSize <= 12 * 1024 * 1024);

}  // namespace tidemark::ledger
