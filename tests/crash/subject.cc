// A program to be recorded: subject MODE [N]. It does what MODE says, prints what the test needs to
// know, then "ready", and waits to be killed; modes that check themselves exit with 0 instead.
// Built with and without frame pointers.
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tidemark/tidemark.hpp"

#define CHECK(condition)                                                 \
  do {                                                                   \
    if (!(condition)) {                                                  \
      std::fprintf(stderr, "subject.cc:%d: %s\n", __LINE__, #condition); \
      std::_Exit(7);                                                     \
    }                                                                    \
  } while (0)

namespace {

constexpr size_t kBlock = 100;

// The stack the tests look for: LeakHere called by Middle called by Outer.
[[gnu::noinline]] char* LeakHere(size_t bytes) {
  auto* block = static_cast<char*>(std::malloc(bytes));
  asm volatile("" ::"r"(block) : "memory");
  return block;
}
[[gnu::noinline]] void Middle(std::vector<char*>* keep, long count) {
  for (long i = 0; i < count; ++i) keep->push_back(LeakHere(kBlock));
  asm volatile("");
}
[[gnu::noinline]] void Outer(std::vector<char*>* keep, long count) {
  keep->reserve(keep->size() + static_cast<size_t>(count));
  Middle(keep, count);
  asm volatile("");
}

std::vector<char*> kept;

[[noreturn]] void WaitToBeKilled() {
  std::printf("LeakHere %p\nMiddle %p\nOuter %p\nready\n", reinterpret_cast<void*>(&LeakHere),
              reinterpret_cast<void*>(&Middle), reinterpret_cast<void*>(&Outer));
  std::fflush(stdout);
  for (;;) pause();
}

[[noreturn]] void Leak(long count) {
  Outer(&kept, count);
  // Traffic that leaves nothing behind.
  for (long i = 0; i < count; ++i) {
    const auto text = std::make_unique<std::string>(200, 'x');
    asm volatile("" ::"r"(text.get()) : "memory");
  }
  WaitToBeKilled();
}

// Each thread keeps `count` blocks and frees as many that another thread made.
[[noreturn]] void Threads(long count) {
  constexpr int kThreads = 8;
  std::vector<std::vector<char*>> keep(kThreads), pass_on(kThreads);
  const auto run = [&](auto work) {
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i) threads.emplace_back(work, i);
    for (auto& thread : threads) thread.join();
  };
  run([&](int i) {
    Outer(&keep[i], count);
    Outer(&pass_on[i], count);
  });
  run([&](int i) {
    for (char* block : pass_on[(i + 1) % kThreads]) std::free(block);
  });
  static const auto* alive = &keep;
  (void)alive;
  WaitToBeKilled();
}

// Parent and child each leak; the child frees all that the parent made before the fork.
[[noreturn]] void Fork(long count) {
  std::vector<char*> inherited;
  Outer(&inherited, count);
  const pid_t child = fork();
  if (child == 0) {
    for (char* block : inherited) std::free(block);
    Outer(&kept, count / 2);
    WaitToBeKilled();
  }
  std::printf("child %d\n", child);
  WaitToBeKilled();
}

// Many forks while other threads allocate: nobody may hang.
int ForkStorm(long count) {
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      while (!stop) std::free(LeakHere(kBlock));
    });
  }
  for (long i = 0; i < count; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      std::free(LeakHere(100'000));
      std::vector<char*> own;
      Outer(&own, 100);
      _exit(own.size() == 100 ? 0 : 1);
    }
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
  }
  stop = true;
  for (auto& thread : threads) thread.join();
  return 0;
}

// Random reallocs of all sizes, contents checked.
int Realloc(long count) {
  std::mt19937 random(5);
  struct Block {
    unsigned char* at = nullptr;
    size_t size = 0;
    unsigned char fill = 0;
  };
  Block blocks[64];
  for (long i = 0; i < count; ++i) {
    Block& block = blocks[random() % 64];
    for (size_t k = 0; k < block.size; k += 1 + block.size / 50) CHECK(block.at[k] == block.fill);
    if (block.size > 0) CHECK(block.at[block.size - 1] == block.fill);
    const size_t size = random() % 50 == 0 ? random() % 40'000'000 + 1 : random() % 20'000 + 1;
    auto* moved = static_cast<unsigned char*>(std::realloc(block.at, size));
    CHECK(moved != nullptr && malloc_usable_size(moved) >= size);
    const size_t common = block.size < size ? block.size : size;
    for (size_t k = 0; k < common; k += 1 + common / 50) CHECK(moved[k] == block.fill);
    block = {moved, size, static_cast<unsigned char>(i)};
    std::memset(moved, block.fill, size);
  }
  for (Block& block : blocks) {
    CHECK(std::realloc(block.at, 0) == nullptr);
  }
  return 0;
}

void CheckAligned(void* block, size_t alignment, size_t size) {
  CHECK(block != nullptr && reinterpret_cast<uintptr_t>(block) % alignment == 0);
  CHECK(malloc_usable_size(block) >= size);
  std::memset(block, 1, size);
}

int EntryPoints(long count) {
  for (long i = 0; i < count; ++i) {
    const size_t size = static_cast<size_t>(i * 37 % 5000 + 1);
    const size_t alignment = size_t{16} << (i % 10);
    void* block = nullptr;
    CHECK(posix_memalign(&block, alignment, size) == 0);
    CheckAligned(block, alignment, size);
    std::free(block);
    CheckAligned(block = aligned_alloc(alignment, size), alignment, size);
    std::free(block);
    CheckAligned(block = memalign(alignment, size), alignment, size);
    std::free(block);
    CheckAligned(block = valloc(size), 4096, size);
    std::free(block);
    CheckAligned(block = pvalloc(size), 4096, 4096);
    std::free(block);
    CheckAligned(block = reallocarray(nullptr, size, 3), 16, 3 * size);
    std::free(block);
    auto* zeros = static_cast<char*>(std::calloc(size, 7));
    for (size_t k = 0; k < 7 * size; ++k) CHECK(zeros[k] == 0);
    std::memset(zeros, 1, 7 * size);
    std::free(zeros);
    const auto align = static_cast<std::align_val_t>(alignment);
    CheckAligned(block = operator new(size, align), alignment, size);
    operator delete(block, size, align);
    CheckAligned(block = operator new[](size, align, std::nothrow), alignment, size);
    operator delete[](block, align);
    CheckAligned(block = operator new[](size), 16, size);
    operator delete[](block);
    CheckAligned(block = operator new(size, std::nothrow), 16, size);
    operator delete(block, size);
  }
  std::free(nullptr);
  errno = 0;
  CHECK(std::malloc(SIZE_MAX) == nullptr && errno == ENOMEM);
  volatile size_t huge = SIZE_MAX / 2;
  CHECK(std::calloc(huge, 3) == nullptr);
  CHECK(reallocarray(nullptr, huge, 3) == nullptr);
  void* untouched = nullptr;
  CHECK(posix_memalign(&untouched, 3, 8) == EINVAL && untouched == nullptr);
  bool thrown = false;
  try {
    operator delete(operator new(huge));
  } catch (const std::bad_alloc&) {
    thrown = true;
  }
  CHECK(thrown);
  CHECK(operator new(huge, std::nothrow) == nullptr);
  auto* block = static_cast<char*>(std::malloc(1'000'000));
  block[0] = 42;
  CHECK(std::realloc(block, huge) == nullptr);
  CHECK(block[0] == 42);
  std::free(block);
  errno = 5;
  for (long i = 0; i < count; ++i) std::free(std::malloc(static_cast<size_t>(i)));
  CHECK(errno == 5);
  return 0;
}

[[noreturn]] void Span(long count) {
  constexpr std::array<uint8_t, 16> kTrace = {0xa1, 2,  3,  4,  5,  6,  7,  8,
                                              9,    10, 11, 12, 13, 14, 15, 16};
  constexpr std::array<uint8_t, 8> kSpan = {0xb1, 2, 3, 4, 5, 6, 7, 8};
  {
    tidemark::SpanScope scope(kTrace, kSpan);
    Outer(&kept, count);
  }
  std::thread([&] { Outer(&kept, count); }).join();
  WaitToBeKilled();
}

// Threads of every end: `count` of each kind, all with stacks of kThreadStack bytes.
constexpr size_t kThreadStack = 256 * 1024;
std::atomic<long> ended{0};
void* EndAtOnce(void*) {
  ++ended;
  return nullptr;
}
void* EndByExit(void*) {
  ++ended;
  pthread_exit(nullptr);
}
void* WaitForever(void*) {
  for (;;) pause();
}
[[gnu::noinline]] pthread_t MakeThread(void* (*routine)(void*),
                                       int state = PTHREAD_CREATE_JOINABLE) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kThreadStack);
  pthread_attr_setdetachstate(&attributes, state);
  pthread_t thread{};
  CHECK(pthread_create(&thread, &attributes, routine, nullptr) == 0);
  pthread_attr_destroy(&attributes);
  return thread;
}
[[gnu::noinline]] void EndAllButJoin(long count) {
  for (long i = 0; i < count; ++i) {
    MakeThread(i % 2 == 0 ? &EndAtOnce : &EndByExit);
  }
  asm volatile("");
}
[[gnu::noinline]] void EndWell(long count) {
  for (long i = 0; i < count; ++i) {
    MakeThread(&EndAtOnce, PTHREAD_CREATE_DETACHED);
    pthread_detach(MakeThread(&EndByExit));
    CHECK(pthread_join(MakeThread(&EndByExit), nullptr) == 0);
    const pthread_t cancelled = MakeThread(&WaitForever);
    CHECK(pthread_cancel(cancelled) == 0 && pthread_join(cancelled, nullptr) == 0);
    const pthread_t polled = MakeThread(&EndAtOnce);
    while (pthread_tryjoin_np(polled, nullptr) == EBUSY) sched_yield();
    std::thread([] { ++ended; }).join();
    std::thread([] { ++ended; }).detach();
  }
  asm volatile("");
}
[[noreturn]] void ThreadStacks(long count) {
  EndWell(count);
  EndAllButJoin(count);
  MakeThread(&WaitForever);
  pthread_attr_t own;
  pthread_attr_init(&own);
  static char stack[kThreadStack];
  CHECK(pthread_attr_setstack(&own, stack, sizeof stack) == 0);
  pthread_t thread{};
  CHECK(pthread_create(&thread, &own, &WaitForever, nullptr) == 0);
  pthread_attr_t impossible;
  pthread_attr_init(&impossible);
  CHECK(pthread_attr_setstacksize(&impossible, size_t{1} << 46) == 0);
  CHECK(pthread_create(&thread, &impossible, &EndAtOnce, nullptr) != 0);
  while (ended < 7 * count) sched_yield();
  std::printf("EndAllButJoin %p\nEndWell %p\n", reinterpret_cast<void*>(&EndAllButJoin),
              reinterpret_cast<void*>(&EndWell));
  WaitToBeKilled();
}

// malloc called from a library loaded later must show that library among the modules.
[[noreturn]] void Load(const char* library) {
  Outer(&kept, 1000);
  void* handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) std::printf("dlopen: %s\n", dlerror());
  Outer(&kept, 1000);
  WaitToBeKilled();
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  const long count = argc > 2 ? std::atol(argv[2]) : 1000;
  if (mode == "leak") Leak(count);
  if (mode == "threads") Threads(count);
  if (mode == "fork") Fork(count);
  if (mode == "fork-storm") return ForkStorm(count);
  if (mode == "realloc") return Realloc(count);
  if (mode == "entry-points") return EntryPoints(count);
  if (mode == "span") Span(count);
  if (mode == "thread-stacks") ThreadStacks(count);
  if (mode == "load") Load(argv[2]);
  if (mode == "exec") {
    Outer(&kept, count);
    execl(argv[0], argv[0], "leak", "3000", nullptr);
  }
  std::fprintf(stderr, "subject: no mode '%s'\n", mode.c_str());
  return 2;
}
