// Reads a ledger file into a plain value. The file is hostile: its writer may be alive and writing,
// dead in the middle of a store, or an enemy. Everything is copied before it is checked, and
// nothing in it is trusted.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "ledger/format.h"

namespace tidemark {

struct LedgerHeader {
  uint64_t pid = 0;
  uint64_t parent_pid = 0;
  int64_t start_unix_ns = 0;        // when this process image began to record
  uint64_t sample_bytes = 0;        // current sampling interval: mean bytes between two samples
  uint64_t first_sample_bytes = 0;  // the interval at start
  uint32_t interval_doublings = 0;
  ledger::State state = ledger::State::kStarting;
  ledger::OffReason off_reason = ledger::OffReason::kNone;
  bool forked = false;  // holds only what was allocated after fork
  uint64_t samples = 0;
  uint64_t sampled_frees = 0;
  uint64_t thinned = 0;
  std::array<uint64_t, static_cast<size_t>(ledger::Loss::kCount)> losses{};  // by ledger::Loss
  uint64_t slab_bytes = 0;
  std::string exe_path;
  std::string recorder_version;
};

// An executable mapping: `address` within [start, limit) is file offset address - start +
// file_offset.
struct LedgerModule {
  uint64_t start = 0;
  uint64_t limit = 0;
  uint64_t file_offset = 0;
  uint64_t load_bias = 0;  // address - load_bias is the ELF virtual address
  bool unloaded = false;   // dlclosed since
  std::string build_id;    // raw bytes, empty when unknown
  std::string path;
};

struct LedgerStack {
  std::vector<uint64_t> frames;  // return addresses, leaf first; address - 1 lies in the call
  uint64_t samples = 0;          // cumulative, as are the next two
  double alloc_bytes = 0;        // unbiased estimate of bytes ever allocated here
  double alloc_objects = 0;
};

struct LedgerSample {
  uint64_t address = 0;
  uint64_t size = 0;   // bytes asked for
  double bytes = 0;    // unbiased weight: live bytes this sample stands for
  double objects = 0;  // and live objects
  uint32_t stack = 0;  // index into LedgerSnapshot::stacks, always valid; 0 is the unknown stack
  int64_t alloc_unix_ns = 0;
  bool has_span = false;
  std::array<uint8_t, 16> trace_id{};
  std::array<uint8_t, 8> span_id{};
};

struct LedgerSnapshot {
  LedgerHeader header;
  std::vector<LedgerSample> live;
  std::vector<LedgerStack> stacks;  // stacks[0] is "not kept" and has no frames
  std::vector<LedgerModule> modules;
  uint64_t damaged = 0;  // slots skipped because their content cannot be
};

// The snapshot of the file at `path`. Errors: not found, I/O, corrupt (not a ledger, another
// version, cut short). Damaged slots are skipped and counted, not errors.
Result<LedgerSnapshot> ReadLedger(const std::string& path);

// The same from a descriptor, which stays the caller's; `path` is for messages.
Result<LedgerSnapshot> ReadLedger(int fd, const std::string& path);

// The same over bytes in memory, at least 8-aligned (for tests and fuzzing).
Result<LedgerSnapshot> ParseLedger(const uint8_t* bytes, size_t size);

const char* LedgerStateName(ledger::State state);
const char* LedgerOffReasonName(ledger::OffReason reason);
const char* LedgerLossName(ledger::Loss loss);

}  // namespace tidemark
