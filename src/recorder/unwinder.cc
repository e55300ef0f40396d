#include "recorder/unwinder.h"

#include <string.h>

#include "recorder/sys.h"

namespace tidemark::recorder {
namespace {

constexpr uint64_t kPageBytes = 4096;
constexpr uint64_t kMaxProbePages = 256;  // probed in one walk: 1 MiB of stack

// Reads of the stack being walked, upwards only. On the thread's own stack what was once found
// readable stays so while the thread lives above it; on any other (coroutine, signal stack) every
// page is probed in every walk.
class StackMemory {
 public:
  StackMemory(uint64_t sp, uint64_t stack_end, StackBounds* known) {
    low_ = sp & ~(kPageBytes - 1);
    high_ = low_;
    if (sp >= stack_end) return;
    if (known->high != stack_end) *known = {stack_end, stack_end};
    if (known->low > sp) {
      uint64_t low = known->low & ~(kPageBytes - 1);
      if ((low - low_) / kPageBytes > kMaxProbePages) return;
      while (low > low_ && Readable(low - kPageBytes)) low -= kPageBytes;
      if (low > low_) return;  // a hole between here and the end: not this thread's stack
      known->low = low_;
    }
    high_ = stack_end;
    own_ = true;
  }

  bool Read(uint64_t address, uint64_t* value) {
    if (address % 8 != 0 || address < low_) return false;
    if (address >= high_ && !Extend(address)) return false;
    memcpy(value, reinterpret_cast<const void*>(address), sizeof *value);
    return true;
  }

 private:
  bool Extend(uint64_t address) {
    if (own_) return false;
    if ((address - low_) / kPageBytes > kMaxProbePages) return false;
    while (address >= high_) {
      if (!Readable(high_)) return false;
      high_ += kPageBytes;
    }
    return true;
  }

  uint64_t low_;
  uint64_t high_;
  bool own_ = false;
};

// Interrupted registers in the ucontext that the kernel put at rsp of the signal return stub
// (asm/ucontext.h, sigcontext).
constexpr uint64_t kUcontextRbp = 120;
constexpr uint64_t kUcontextRsp = 160;
constexpr uint64_t kUcontextRip = 168;

enum class Step { kCaller, kInterrupted, kEnd, kStuck };

Step StepBySignalFrame(StackMemory* memory, FrameState* state) {
  FrameState next;
  if (!memory->Read(state->sp + kUcontextRip, &next.pc) ||
      !memory->Read(state->sp + kUcontextRsp, &next.sp) ||
      !memory->Read(state->sp + kUcontextRbp, &next.bp)) {
    return Step::kStuck;
  }
  *state = next;
  return Step::kInterrupted;
}

Step StepByRule(const CfaRule& rule, StackMemory* memory, FrameState* state) {
  if (rule.kind == CfaRule::kEnd) return Step::kEnd;
  if (rule.kind == CfaRule::kSignal) return StepBySignalFrame(memory, state);
  uint64_t cfa =
      (rule.cfa_by_rbp ? state->bp : state->sp) + static_cast<uint64_t>(int64_t{rule.cfa_offset});
  if (rule.kind == CfaRule::kPlt) cfa = state->sp + 8 + ((state->pc & 15) >= 11 ? 8 : 0);
  if (rule.kind == CfaRule::kDereference && !memory->Read(cfa, &cfa)) return Step::kStuck;
  FrameState next{.pc = 0, .sp = cfa, .bp = state->bp};
  if (cfa <= state->sp || !memory->Read(cfa - 8, &next.pc)) return Step::kStuck;
  if (rule.rbp == CfaRule::kRbpAtCfa &&
      !memory->Read(cfa + static_cast<uint64_t>(int64_t{rule.rbp_offset}), &next.bp)) {
    return Step::kStuck;
  }
  if (rule.rbp == CfaRule::kRbpAtRbp &&
      !memory->Read(state->bp + static_cast<uint64_t>(int64_t{rule.rbp_offset}), &next.bp)) {
    return Step::kStuck;
  }
  if (rule.rbp == CfaRule::kRbpLost) next.bp = 0;
  *state = next;
  return next.pc == 0 ? Step::kEnd : Step::kCaller;
}

// Without a rule (generated code, a stripped table): trust rbp when what it points at is a return
// address into known code.
Step StepByFramePointer(const CodeRanges& ranges, StackMemory* memory, FrameState* state) {
  FrameState next;
  if (state->bp < state->sp || !memory->Read(state->bp, &next.bp) ||
      !memory->Read(state->bp + 8, &next.pc)) {
    return Step::kStuck;
  }
  if (next.pc == 0) return Step::kEnd;
  if (ranges.Find(next.pc - 1) == nullptr) return Step::kStuck;
  next.sp = state->bp + 16;
  *state = next;
  return Step::kCaller;
}

// Generated code has no table. Where a call returns straight to the end of its function, as in
// CPython's trampolines (3.12: add $8,%rsp; ret, later pop %rbp; ret), that end is the rule.
CfaRule RuleOfEpilogue(uint64_t pc) {
  CfaRule rule{};
  constexpr uint64_t kBytes = 5;
  for (uint64_t word = pc & ~uint64_t{7}; word < pc + kBytes; word += 8) {
    if (!Readable(word)) return rule;
  }
  uint8_t code[kBytes];
  memcpy(code, reinterpret_cast<const void*>(pc), sizeof code);
  if (code[0] == 0x48 && code[1] == 0x83 && code[2] == 0xc4 && code[3] < 0x80 && code[4] == 0xc3) {
    rule.kind = CfaRule::kRegister;
    rule.cfa_offset = code[3] + 8;
  } else if (code[0] == 0x5d && code[1] == 0xc3) {
    rule.kind = CfaRule::kRegister;
    rule.cfa_offset = 16;
    rule.rbp = CfaRule::kRbpAtCfa;
    rule.rbp_offset = -16;
  }
  return rule;
}

}  // namespace

const CodeRange* CodeRanges::Find(uint64_t pc) const {
  size_t low = 0;
  size_t high = count;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (ranges[middle].limit <= pc) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low < count && ranges[low].start <= pc ? &ranges[low] : nullptr;
}

const CfaRule& RuleCache::Find(const CodeRanges& ranges, uint64_t pc) {
  Entry& entry = entries_[(pc * 0x9e3779b97f4a7c15) >> 52];
  static_assert(kEntries == 1 << 12);
  if (entry.pc != pc) {
    used_ = true;
    const CodeRange* range = ranges.Find(pc);
    entry.rule = range == nullptr ? RuleOfEpilogue(pc + 1) : FindCfaRule(*range, pc);
    entry.pc = pc;
  }
  return entry.rule;
}

void RuleCache::Clear() {
  if (used_) memset(static_cast<void*>(entries_), 0, sizeof entries_);
  used_ = false;
}

UnwindResult Unwind(const FrameState& start, uint64_t stack_end, const CodeRanges& ranges,
                    RuleCache* cache, StackBounds* bounds, uint64_t* frames, size_t max) {
  UnwindResult result;
  if (max == 0) return result;
  StackMemory memory(start.sp, stack_end, bounds);
  FrameState state = start;
  uint64_t back =
      1;  // a return address belongs to the call before it, an interrupted one to itself
  frames[result.depth++] = state.pc;
  for (;;) {
    const CfaRule& rule = cache->Find(ranges, state.pc - back);
    const Step step = rule.kind == CfaRule::kNone ? StepByFramePointer(ranges, &memory, &state)
                                                  : StepByRule(rule, &memory, &state);
    result.complete = step == Step::kEnd;
    if (step == Step::kEnd || step == Step::kStuck || result.depth == max) return result;
    back = step == Step::kInterrupted ? 0 : 1;
    frames[result.depth++] = state.pc + (1 - back);
  }
}

}  // namespace tidemark::recorder
