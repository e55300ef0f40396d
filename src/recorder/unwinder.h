// Walks the calling thread's stack without allocating, locking or calling the loader: rules from
// the unwind tables (so code built without frame pointers gives its true stack), the frame pointer
// where a table is missing. It never touches memory it has not found readable.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "recorder/cfi.h"

namespace tidemark::recorder {

// Registers of a frame that is about to go on at `pc`.
struct FrameState {
  uint64_t pc = 0;  // a return address
  uint64_t sp = 0;  // rsp as it is after that return
  uint64_t bp = 0;
};

// Sorted, non-overlapping; owned by the module table.
struct CodeRanges {
  const CodeRange* ranges = nullptr;
  size_t count = 0;
  const CodeRange* Find(uint64_t pc) const;
};

// What of the calling thread's stack is known to be readable: [low, high), high being the stack's
// end. One for each thread.
struct StackBounds {
  uint64_t low = 0;
  uint64_t high = 0;
};

// Rules already looked up, by pc. Shared by threads under the recorder's lock. Clear when an object
// is unloaded.
class RuleCache {
 public:
  const CfaRule& Find(const CodeRanges& ranges, uint64_t pc);
  void Clear();

 private:
  static constexpr size_t kEntries = 4096;
  struct Entry {
    uint64_t pc;
    CfaRule rule;
  };
  bool used_ = false;
  Entry entries_[kEntries] = {};
};

struct UnwindResult {
  size_t depth = 0;
  bool complete = false;  // reached the thread's first frame
};

// Fills frames[0..max) leaf first; frames[0] is start.pc. `main_stack_end` and the thread pointer
// tell where the stack ends.
UnwindResult Unwind(const FrameState& start, uint64_t stack_end, const CodeRanges& ranges,
                    RuleCache* cache, StackBounds* bounds, uint64_t* frames, size_t max);

}  // namespace tidemark::recorder
