// Publishes the active span as an OTel thread context (OTEP 4947). Readers look from the same
// thread (the recorder, inside an allocation) or while the thread is stopped (an out-of-process
// profiler), so the order of stores matters, and only to the compiler.
#include <string.h>

#include <atomic>

#include "tidemark/tidemark.h"

namespace {

// The record as the OTEP lays it out, without attributes.
struct Record {
  uint8_t trace_id[16];
  uint8_t span_id[8];
  uint8_t valid;
  uint8_t reserved;
  uint16_t attrs_data_size;
};
static_assert(sizeof(Record) == 28);

constinit thread_local Record record{};

bool IsZero(const uint8_t trace_id[16]) {
  constexpr uint8_t kZero[16] = {};
  return memcmp(trace_id, kZero, sizeof kZero) == 0;
}

void Fence() { std::atomic_signal_fence(std::memory_order_seq_cst); }

}  // namespace

extern "C" {

// The name is the OTEP's. `used`: nothing in the program reads it.
[[gnu::visibility("default"), gnu::used]] constinit thread_local void* otel_thread_ctx_v1 = nullptr;

void tidemark_span_attach(const uint8_t trace_id[16], const uint8_t span_id[8]) {
  record.valid = 0;
  Fence();
  memcpy(record.trace_id, trace_id, sizeof record.trace_id);
  memcpy(record.span_id, span_id, sizeof record.span_id);
  Fence();
  record.valid = 1;
  Fence();
  otel_thread_ctx_v1 = &record;
}

void tidemark_span_detach(void) {
  otel_thread_ctx_v1 = nullptr;
  Fence();
  record.valid = 0;
}

int tidemark_span_current(tidemark_span* span) {
  if (otel_thread_ctx_v1 == nullptr) {
    memset(span, 0, sizeof *span);
    return 0;
  }
  memcpy(span->trace_id, record.trace_id, sizeof span->trace_id);
  memcpy(span->span_id, record.span_id, sizeof span->span_id);
  return 1;
}

void tidemark_span_swap(const tidemark_span* span, tidemark_span* previous) {
  const tidemark_span wanted = *span;
  if (previous != nullptr) tidemark_span_current(previous);
  if (IsZero(wanted.trace_id)) {
    tidemark_span_detach();
  } else {
    tidemark_span_attach(wanted.trace_id, wanted.span_id);
  }
}

}  // extern "C"
