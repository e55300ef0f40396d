/* Tidemark's C interface: tells which span a thread is working for, so that memory allocated
 * meanwhile can be attributed to it.
 *
 * Link the static library tidemark_sdk (CMake: target tidemark_sdk). It publishes the OTel thread
 * context (OTEP 4947), the exported thread-local pointer `otel_thread_ctx_v1`, which the recorder
 * and any other profiler that knows the format reads. Without CMake, link with
 * -Wl,--export-dynamic-symbol=otel_thread_ctx_v1, or the program keeps the pointer to itself.
 *
 * All functions act on the calling thread, cost a few nanoseconds, allocate nothing, take no lock
 * and cannot fail. They are not for signal handlers. A program whose OpenTelemetry SDK publishes
 * the context itself has no need of them.
 */
#ifndef TIDEMARK_TIDEMARK_H_
#define TIDEMARK_TIDEMARK_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A span's identity, bytes in W3C order. trace_id all zero: no span. */
typedef struct tidemark_span {
  uint8_t trace_id[16];
  uint8_t span_id[8];
} tidemark_span;

/* Makes the span the thread's active one, in place of any other. */
void tidemark_span_attach(const uint8_t trace_id[16], const uint8_t span_id[8]);

/* The thread has no active span any more. */
void tidemark_span_detach(void);

/* Copies the thread's active span to *span and returns 1; returns 0 and leaves *span all zero when
 * there is none. */
int tidemark_span_current(tidemark_span* span);

/* Makes *span active, remembering the one before in *previous: for nested work. An all-zero span
 * detaches. */
void tidemark_span_swap(const tidemark_span* span, tidemark_span* previous);

#ifdef __cplusplus
}
#endif

#endif /* TIDEMARK_TIDEMARK_H_ */
