// libc's thread functions behind our own (thread_hooks.cc), found like the allocators of
// next_functions.h. Before glibc 2.34 they are in a library of their own, which may come late.
#pragma once

#include <pthread.h>
#include <stddef.h>
#include <time.h>

namespace tidemark::recorder {

struct ThreadFunctions {
  int (*create)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  int (*join)(pthread_t, void**);
  int (*tryjoin)(pthread_t, void**);
  int (*timedjoin)(pthread_t, void**, const timespec*);
  int (*clockjoin)(pthread_t, void**, clockid_t, const timespec*);
  int (*detach)(pthread_t);

  int (*getattr_default)(pthread_attr_t*);
  int (*attr_destroy)(pthread_attr_t*);
  int (*attr_getstack)(const pthread_attr_t*, void**, size_t*);
  int (*attr_getstacksize)(const pthread_attr_t*, size_t*);
  int (*attr_getdetachstate)(const pthread_attr_t*, int*);
  int (*key_create)(pthread_key_t*, void (*)(void*));
  int (*setspecific)(pthread_key_t, const void*);
};

// What there is; null what there is not. Looks again while there is no pthread_create. Any thread.
const ThreadFunctions& NextThreadFunctions();

// From Start: has every recorded thread tell its end, through a thread-specific key. False when
// that cannot be had: then no thread may be recorded, for its end would go unseen.
bool WatchThreadEnds();

}  // namespace tidemark::recorder
