// How to find the caller of a frame, read from an object's own unwind table: .eh_frame_hdr (binary
// search) and .eh_frame (DWARF 5 section 6.4, LSB Core "Exception Frames"). Only what stack walking
// needs: the canonical frame address (CFA) by rsp or rbp, the return address at CFA - 8, and where
// rbp was saved. x86-64 register numbers: 6 rbp, 7 rsp, 16 return address. Every read is bounded by
// the segment that holds the table.
#pragma once

#include <stdint.h>

namespace tidemark::recorder {

// A loaded object's code and its unwind table. Addresses in this process.
struct CodeRange {
  uint64_t start = 0;
  uint64_t limit = 0;
  uint64_t eh_frame_hdr = 0;  // 0: none
  uint64_t table_start = 0;   // readable segment that holds .eh_frame_hdr and .eh_frame
  uint64_t table_end = 0;
};

struct CfaRule {
  enum Kind : uint8_t {
    kNone,         // no table, or a rule this walker does not know: try the frame pointer
    kEnd,          // first frame of the thread
    kRegister,     // CFA = register + offset
    kDereference,  // CFA = *(register + offset): functions that realign their stack
    kPlt,          // rsp + 8, and 8 more once the stub has pushed its index (pc & 15 >= 11)
    kSignal,       // frame of a signal handler's return stub: registers are in the ucontext at rsp
  };
  enum Rbp : uint8_t {
    kRbpSame,
    kRbpAtCfa,  // saved at CFA + rbp_offset
    kRbpAtRbp,  // saved at rbp + rbp_offset
    kRbpLost,
  };
  Kind kind = kNone;
  Rbp rbp = kRbpSame;
  bool cfa_by_rbp = false;
  int32_t cfa_offset = 0;
  int32_t rbp_offset = 0;
};

// The rule in force at `pc`, an address within range (for a return address: minus one).
CfaRule FindCfaRule(const CodeRange& range, uint64_t pc);

}  // namespace tidemark::recorder
