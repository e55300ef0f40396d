// The span active on the calling thread, from the OTel thread context (OTEP 4947): an exported
// thread-local pointer `otel_thread_ctx_v1` to a record {trace_id[16], span_id[8], valid, reserved,
// attrs_data_size (u16), attrs_data[]}, null when no span is active; `valid` is 1 while the record
// may be read. Ids are in W3C byte order.
#pragma once

#include <stdint.h>

#include "recorder/elf_image.h"
#include "recorder/ledger_writer.h"

namespace tidemark::recorder {

// Where a module keeps the pointer.
struct SpanSource {
  enum Kind : uint8_t { kNone, kStatic, kDynamic };
  Kind kind = kNone;
  int64_t thread_offset = 0;  // kStatic: from the thread pointer
  uint64_t tls_module = 0;    // kDynamic: index into the thread's vector of TLS blocks
  uint64_t block_offset = 0;  // kDynamic: within the block
};

// The source `info` exports, or kNone. `at_startup`: the object was loaded with the program, so its
// thread-locals are static.
SpanSource FindSpanSource(const dl_phdr_info& info, const ElfImage& image, bool at_startup);

// Fills `ids` and returns true when a span is active on this thread.
bool ReadSpan(const SpanSource& source, SpanIds* ids);

}  // namespace tidemark::recorder
