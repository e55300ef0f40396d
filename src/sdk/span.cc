// Publishes the active span as an OTel thread context (OTEP 4947). Readers look from the same
// thread (the recorder, inside an allocation) or while the thread is stopped (an out-of-process
// profiler), so the order of stores matters, and only to the compiler.
#include <string.h>
#include <sys/random.h>
#include <time.h>

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

// Spans counted by begin and end or by an adapter, all threads.
constinit std::atomic<int64_t> spans_started{0}, spans_ended{0};

// State of the thread's generator of ids; 0 = not seeded.
constinit thread_local uint64_t id_state = 0;

// splitmix64 (Steele, Lea, Flood 2014): every state once in 2^64 steps, from a seed of the kernel's
// for each thread. Never 0.
uint64_t NextId() {
  if (id_state == 0 && getrandom(&id_state, sizeof id_state, GRND_NONBLOCK) != sizeof id_state) {
    timespec now;  // early in boot the kernel may have no entropy yet
    clock_gettime(CLOCK_MONOTONIC, &now);
    id_state = static_cast<uint64_t>(now.tv_nsec) ^ reinterpret_cast<uintptr_t>(&id_state);
  }
  for (;;) {
    id_state += 0x9e3779b97f4a7c15;
    uint64_t z = id_state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    z ^= z >> 31;
    if (z != 0) return z;
  }
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

void tidemark_span_begin(tidemark_span* span, tidemark_span* parent) {
  tidemark_span before;
  const bool nested = tidemark_span_current(&before) != 0;
  const uint64_t ids[3] = {NextId(), NextId(), NextId()};
  memcpy(span->trace_id, ids, sizeof span->trace_id);
  memcpy(span->span_id, ids + 2, sizeof span->span_id);
  if (nested) memcpy(span->trace_id, before.trace_id, sizeof span->trace_id);
  if (parent != nullptr) *parent = before;
  tidemark_spans_started();
  tidemark_span_attach(span->trace_id, span->span_id);
}

void tidemark_span_end(const tidemark_span* parent) {
  constexpr tidemark_span kNone{};
  tidemark_span_swap(parent == nullptr ? &kNone : parent, nullptr);
  tidemark_spans_ended();
}

void tidemark_spans_started(void) { spans_started.fetch_add(1, std::memory_order_relaxed); }

void tidemark_spans_ended(void) { spans_ended.fetch_add(1, std::memory_order_relaxed); }

int64_t tidemark_spans_active(void) {
  // Ended first: what starts in between can only make the answer higher, never negative.
  const int64_t ended = spans_ended.load(std::memory_order_relaxed);
  const int64_t started = spans_started.load(std::memory_order_relaxed);
  if (started == 0) return -1;
  return started > ended ? started - ended : 0;
}

}  // extern "C"
