#include "recorder/thread_functions.h"

#include <atomic>

#include "recorder/next_functions.h"

namespace tidemark::recorder {
namespace {

// Written by any thread that finds `found` unset: all write the same.
constinit ThreadFunctions functions{};
constinit std::atomic<bool> found{false};

template <typename Function>
void Set(Function* function, const char* name) {
  const auto next = reinterpret_cast<Function>(FindNext(name));
  __atomic_store_n(function, next, __ATOMIC_RELAXED);
}

}  // namespace

const ThreadFunctions& NextThreadFunctions() {
  if (found.load(std::memory_order_acquire)) return functions;
  Set(&functions.create, "pthread_create");
  Set(&functions.join, "pthread_join");
  Set(&functions.tryjoin, "pthread_tryjoin_np");
  Set(&functions.timedjoin, "pthread_timedjoin_np");
  Set(&functions.clockjoin, "pthread_clockjoin_np");
  Set(&functions.detach, "pthread_detach");
  Set(&functions.getattr_default, "pthread_getattr_default_np");
  Set(&functions.attr_destroy, "pthread_attr_destroy");
  Set(&functions.attr_getstack, "pthread_attr_getstack");
  Set(&functions.attr_getstacksize, "pthread_attr_getstacksize");
  Set(&functions.attr_getdetachstate, "pthread_attr_getdetachstate");
  Set(&functions.key_create, "pthread_key_create");
  Set(&functions.setspecific, "pthread_setspecific");
  if (functions.create != nullptr) found.store(true, std::memory_order_release);
  return functions;
}

}  // namespace tidemark::recorder
