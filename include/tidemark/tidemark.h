/** @file
 * Tidemark's C interface: tells which span a thread is working for, so that memory allocated
 * meanwhile can be attributed to it.
 *
 * Link the static library tidemark_sdk (CMake: target tidemark_sdk). It publishes the OTel thread
 * context (OTEP 4947), the exported thread-local pointer `otel_thread_ctx_v1`, which the recorder
 * and any other profiler that knows the format reads. Without CMake, link with
 * -Wl,--export-dynamic-symbol=otel_thread_ctx_v1, or the program keeps the pointer to itself.
 *
 * Or do not link it: with TIDEMARK_WEAK defined before this header the functions are weak, and
 * null until libtidemark_sdk.so is preloaded beside the recorder
 * (LD_PRELOAD="libtidemark.so libtidemark_sdk.so"). C code then asks
 * `if (tidemark_span_attach) ...`; tidemark.hpp asks by itself. Link such a program with ld or
 * gold: mold turns weak symbols that nobody defines into null for good.
 *
 * All functions act on the calling thread, but for tidemark_spans_active; they allocate nothing,
 * take no lock and cannot fail. None is async-signal-safe: a handler that interrupts a change could
 * leave the thread without a span (never with a torn one). A program whose OpenTelemetry SDK
 * publishes the context itself has no need of them; for opentelemetry-cpp see opentelemetry.hpp.
 *
 * Thread pools and coroutines: a span belongs to a thread only while the thread works for it.
 * Attach where work begins or resumes, detach where it ends or waits. docs/sdk.md shows both.
 */
#ifndef TIDEMARK_TIDEMARK_H_
#define TIDEMARK_TIDEMARK_H_

#include <stdint.h>

#ifdef TIDEMARK_WEAK
#define TIDEMARK_API __attribute__((weak))
#else
#define TIDEMARK_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** A span's identity, bytes in W3C order. trace_id all zero: no span. */
typedef struct tidemark_span {
  uint8_t trace_id[16];
  uint8_t span_id[8];
} tidemark_span;

/** Makes the span the thread's active one, in place of any other. A few nanoseconds. */
TIDEMARK_API void tidemark_span_attach(const uint8_t trace_id[16], const uint8_t span_id[8]);

/** The thread has no active span any more. */
TIDEMARK_API void tidemark_span_detach(void);

/** Copies the thread's active span to *span and returns 1; returns 0 and leaves *span all zero when
 * there is none. */
TIDEMARK_API int tidemark_span_current(tidemark_span* span);

/** Makes *span active, remembering the one before in *previous (may be NULL): for nested work. An
 * all-zero span detaches. */
TIDEMARK_API void tidemark_span_swap(const tidemark_span* span, tidemark_span* previous);

/** For programs without a tracing SDK: begins a span with random ids, in the trace of the thread's
 * active span or, without one, in a new trace, and makes it active. *span receives it; *parent (may
 * be NULL) the span that was active, all zero for none. Counted until tidemark_span_end. Ids are
 * unpredictable enough to be unique, not to be secret. With tidemark_span_end about 35 ns; the
 * first of a thread asks the kernel for a seed. */
TIDEMARK_API void tidemark_span_begin(tidemark_span* span, tidemark_span* parent);

/** Ends a span that tidemark_span_begin began: *parent (NULL: none) is active again. On the thread
 * that began it, innermost first. A span that moved to another thread ends with
 * tidemark_spans_ended() there and a detach here. */
TIDEMARK_API void tidemark_span_end(const tidemark_span* parent);

/** For adapters, which know when a tracing SDK starts and ends a span: counts it. Any thread. */
TIDEMARK_API void tidemark_spans_started(void);
TIDEMARK_API void tidemark_spans_ended(void);

/** Spans of the whole process begun and not ended, exact once the threads are quiet; -1 while none
 * was ever counted. Any thread. */
TIDEMARK_API int64_t tidemark_spans_active(void);

#ifdef __cplusplus
}
#endif

#endif /* TIDEMARK_TIDEMARK_H_ */
