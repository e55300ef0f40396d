// A host under stress: fault_subject MODE [N]. Each mode does something that is hard on a recorder,
// checks its own memory, prints what it found, the same each time, and ends with 0. 7: its memory
// was not what it should be.
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "checked_heap.h"

extern char** environ;  // NOLINT: libc's name

namespace {

using tidemark::crash::Heap;

// An allocation and a free that the compiler cannot leave out.
void Pair(size_t bytes) {
  void* block = std::malloc(bytes);
  asm volatile("" ::"r"(block) : "memory");
  std::free(block);
}

int WaitFor(pid_t child) {
  int status = -1;
  CHECK(waitpid(child, &status, 0) == child);
  return status;
}

// A chain of `depth` children, each of the one before.
void Nest(int depth) {
  Heap heap(static_cast<uint64_t>(depth));
  heap.Steps(200);
  if (depth == 0) return;
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    heap.Steps(200);
    Nest(depth - 1);
    std::_Exit(0);
  }
  heap.Steps(200);
  CHECK(WaitFor(child) == 0);
}

// `count` forks: half in chains of ten, half eight at a time, while two threads allocate.
void Forks(long count) {
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&stop, i] {
      Heap heap(static_cast<uint64_t>(i));
      while (!stop) heap.Step();
    });
  }
  for (long done = 0; done < count / 2; done += 10) Nest(10);
  for (long done = 0; done < count / 2; done += 8) {
    pid_t children[8];
    for (pid_t& child : children) {
      child = fork();
      CHECK(child >= 0);
      if (child == 0) {
        Heap(static_cast<uint64_t>(getpid())).Steps(300);
        std::_Exit(0);
      }
    }
    for (const pid_t child : children) CHECK(WaitFor(child) == 0);
  }
  stop = true;
  for (auto& thread : threads) thread.join();
}

[[gnu::noinline]] pid_t SpawnByVfork(char** arguments) {
  const pid_t child = vfork();
  if (child == 0) {
    execvp(arguments[0], arguments);
    _exit(1);
  }
  return child;
}

// A fork that libc knows nothing of.
[[gnu::noinline]] pid_t SpawnByClone(Heap* heap) {
  const auto child =
      static_cast<pid_t>(syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr));
  if (child == 0) {
    heap->Steps(200);
    _exit(0);
  }
  return child;
}

// Every other way to start a program.
void Spawns(long count) {
  Heap heap(1);
  char name[] = "true";
  char* arguments[] = {name, nullptr};
  for (long i = 0; i < count; ++i) {
    heap.Steps(200);
    CHECK(WaitFor(SpawnByVfork(arguments)) == 0);
    CHECK(WaitFor(SpawnByClone(&heap)) == 0);
    pid_t child;
    CHECK(posix_spawnp(&child, name, nullptr, nullptr, arguments, environ) == 0);
    CHECK(WaitFor(child) == 0);
    CHECK(std::system("exit 3") == 3 << 8);
    FILE* pipe = popen("echo spawned", "r");
    char line[32] = {};
    CHECK(pipe != nullptr && std::fgets(line, sizeof line, pipe) != nullptr && pclose(pipe) == 0);
    std::fputs(line, stdout);
  }
}

// The daemon reports through a pipe; who started it waits for that.
void Daemon(long) {
  int ends[2];
  CHECK(pipe(ends) == 0);
  Heap heap(1);
  heap.Steps(1000);
  if (fork() == 0) {
    CHECK(daemon(0, 0) == 0);
    heap.Steps(1000);
    CHECK(write(ends[1], "daemon works", 12) == 12);
    std::_Exit(0);
  }
  close(ends[1]);
  std::string text;
  char buffer[64];
  for (ssize_t got; (got = read(ends[0], buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<size_t>(got));
  std::puts(text.c_str());
}

// Libraries come and go while threads allocate.
void Load(long count) {
  std::atomic<bool> stop{false};
  std::thread other([&stop] {
    Heap heap(9);
    while (!stop) heap.Step();
  });
  const char* libraries[] = {"libm.so.6", "libresolv.so.2", "libanl.so.1", "libutil.so.1"};
  Heap heap(3);
  for (long i = 0; i < count; ++i) {
    void* handle = dlopen(libraries[i % 4], RTLD_NOW | RTLD_LOCAL);
    CHECK(handle != nullptr);
    heap.Steps(20);
    CHECK(dlclose(handle) == 0);
  }
  stop = true;
  other.join();
}

struct LastWords {
  ~LastWords() { Heap(77).Steps(300); }
};
thread_local LastWords last_words;

// Threads end by return, pthread_exit and cancellation, with destructors of thread-locals and of
// keys that allocate once more.
void Threads(long count) {
  pthread_key_t key;
  CHECK(pthread_key_create(&key, [](void* block) {
          std::free(block);
          Heap(78).Steps(300);
        }) == 0);
  for (long i = 0; i < count; ++i) {
    std::vector<pthread_t> threads(8);
    const auto body = [](void* argument) -> void* {
      const auto [which, its_key] = *static_cast<std::pair<long, pthread_key_t>*>(argument);
      asm volatile("" ::"r"(&last_words) : "memory");
      pthread_setspecific(its_key, std::malloc(50'000));
      {
        Heap heap(static_cast<uint64_t>(which));
        heap.Steps(200);
      }
      if (which % 3 == 0) pthread_exit(nullptr);
      while (which % 3 == 1) {  // until cancelled; the request may come in the middle of malloc
        Pair(100);
        pthread_testcancel();
      }
      return nullptr;
    };
    std::vector<std::pair<long, pthread_key_t>> arguments;
    for (long k = 0; k < 8; ++k) arguments.emplace_back(k, key);
    for (size_t k = 0; k < 8; ++k)
      CHECK(pthread_create(&threads[k], nullptr, body, &arguments[k]) == 0);
    for (size_t k = 1; k < 8; k += 3) CHECK(pthread_cancel(threads[k]) == 0);
    for (const pthread_t thread : threads) CHECK(pthread_join(thread, nullptr) == 0);
  }
}

// Where the code of a library lies, of all its mappings; {0, 0} when it is not loaded.
struct Range {
  uint64_t start, end;
  bool Holds(void* context) const {
    const auto pc =
        static_cast<uint64_t>(static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP]);
    return pc >= start && pc < end;
  }
};
Range FindLibrary(const char* name) {
  Range range = {0, 0};
  FILE* maps = std::fopen("/proc/self/maps", "r");
  CHECK(maps != nullptr);
  for (char line[512]; std::fgets(line, sizeof line, maps) != nullptr;) {
    unsigned long long start, end;
    const bool of_it = std::strstr(line, name) != nullptr;
    if (!of_it || std::sscanf(line, "%llx-%llx", &start, &end) != 2) continue;
    if (range.start == 0) range.start = start;
    range.end = end;
  }
  std::fclose(maps);
  return range;
}

Range libc_range, recorder_range;

std::atomic<uint64_t> handled{0};
// A handler that interrupts libc must not allocate, with or without a recorder.
void AllocateInHandler(int, siginfo_t*, void* context) {
  if (libc_range.Holds(context)) return;
  for (size_t i = 0; i < 20; ++i) Pair(i * 100 + 1);
  ++handled;
}

// A timer's handler allocates wherever it finds the program outside of libc: also within the
// recorder.
void Signals(long count) {
  libc_range = FindLibrary("libc.so.6");
  CHECK(libc_range.start != 0);
  struct sigaction action = {};
  action.sa_sigaction = AllocateInHandler;
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  CHECK(sigaction(SIGPROF, &action, nullptr) == 0);
  const itimerval often{{0, 200}, {0, 200}};
  CHECK(setitimer(ITIMER_PROF, &often, nullptr) == 0);
  Heap heap(5);
  while (handled < static_cast<uint64_t>(count)) heap.Steps(100);
  const itimerval never{};
  setitimer(ITIMER_PROF, &never, nullptr);
}

// Ends the thread at once, without a word to anyone, when it is within the recorder.
void DieInRecorder(int, siginfo_t*, void* context) {
  if (recorder_range.Holds(context)) syscall(SYS_exit, 0);
}

// `count` threads, each gone in the middle of the recorder, or at its end when no signal found it
// there.
void Die(long count) {
  recorder_range = FindLibrary("libtidemark.so");
  struct sigaction action = {};
  action.sa_sigaction = DieInRecorder;
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  CHECK(sigaction(SIGUSR1, &action, nullptr) == 0);
  const auto body = [](void*) -> void* {
    for (int i = 0; i < 5000; ++i) Pair(100'000);
    return nullptr;
  };
  for (long i = 0; i < count; ++i) {
    pthread_t thread;
    CHECK(pthread_create(&thread, nullptr, body, nullptr) == 0);
    while (pthread_tryjoin_np(thread, nullptr) != 0) {
      pthread_kill(thread, SIGUSR1);
      sched_yield();
    }
    Heap(static_cast<uint64_t>(i)).Steps(100);
  }
}

// Prints a line now and then until it is killed.
[[noreturn]] void Busy(long) {
  std::vector<Heap*> heaps;
  for (uint64_t i = 0; i < 200; ++i) heaps.push_back(new Heap(i));
  for (size_t i = 0;; ++i) {
    heaps[i % heaps.size()]->Steps(3);
    if (i % 100 == 99) {
      std::puts("ready");
      std::fflush(stdout);
    }
  }
}

// `count` stretches of work, each after a line on standard input or its end.
void Stretches(long count) {
  for (long i = 0; i < count; ++i) {
    Heap heap(static_cast<uint64_t>(i));
    heap.Steps(5000);
    std::puts("ready");
    std::fflush(stdout);
    std::getchar();
  }
}

// Whether the loader was told to trust nothing from outside.
void Secure(long) { std::printf("secure %lu\n", getauxval(AT_SECURE)); }

}  // namespace

int main(int argc, char** argv) {
  const struct {
    const char* name;
    void (*run)(long count);
  } modes[] = {{"forks", Forks},         {"spawns", Spawns},   {"daemon", Daemon}, {"load", Load},
               {"threads", Threads},     {"signals", Signals}, {"die", Die},       {"busy", Busy},
               {"stretches", Stretches}, {"secure", Secure}};
  for (const auto& mode : modes) {
    if (argc < 2 || std::strcmp(argv[1], mode.name) != 0) continue;
    mode.run(argc > 2 ? std::atol(argv[2]) : 100);
    Heap(1).Steps(2000);
    std::printf("%s: fine\n", mode.name);
    return 0;
  }
  return 2;
}
