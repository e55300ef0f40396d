#include "goheap/process_stop.h"

#include <dirent.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <string>
#include <thread>

namespace tidemark::goheap {
namespace {

constexpr size_t kMaxThreads = 1 << 16;

#if defined(__x86_64__)
constexpr uint16_t kMachine = EM_X86_64;
#else
constexpr uint16_t kMachine = EM_AARCH64;
#endif

// Of /proc/PID/status; 0 = nobody.
pid_t TracerOf(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("TracerPid:")) return std::atoi(line.c_str() + 10);
  }
  return 0;
}

Error WhyNotSeized(pid_t pid, int problem) {
  const std::string process = "process " + std::to_string(pid);
  if (problem == ESRCH) return NotFound(process + " is not there");
  if (problem != EPERM) return IoError(process + ": PTRACE_SEIZE: " + std::strerror(problem));
  if (const pid_t tracer = TracerOf(pid); tracer != 0) {
    return Unavailable(process + " is being traced by process " + std::to_string(tracer) +
                       " (a debugger?), and one tracer is all it can have");
  }
  return MayNotTrace(pid);
}

std::vector<pid_t> ThreadsOf(pid_t pid) {
  std::vector<pid_t> ids;
  DIR* folder = opendir(("/proc/" + std::to_string(pid) + "/task").c_str());
  if (folder == nullptr) return ids;
  while (const dirent* entry = readdir(folder)) {
    const std::string_view name = entry->d_name;
    pid_t id = 0;
    std::from_chars(name.data(), name.data() + name.size(), id);
    if (id > 0) ids.push_back(id);
  }
  closedir(folder);
  return ids;
}

}  // namespace

Error MayNotTrace(pid_t pid) {
  std::string why = "process " + std::to_string(pid) +
                    " may not be looked into: it takes the capability CAP_SYS_PTRACE";
  std::ifstream yama("/proc/sys/kernel/yama/ptrace_scope");
  if (char scope; yama >> scope && scope != '0') {
    why +=
        std::string(" (kernel.yama.ptrace_scope is ") + scope + ", so the same user is not enough)";
  } else {
    why += ", or the process's own user and a process that is dumpable";
  }
  return Unavailable(why + "; in a container add SYS_PTRACE and share the pid namespace");
}

Result<bool> StoppedProcess::SeizeNew(pid_t pid) {
  bool any = false;
  for (const pid_t id : ThreadsOf(pid)) {
    const auto held = [&](const Thread& thread) { return thread.id == id; };
    if (std::any_of(threads_.begin(), threads_.end(), held)) continue;
    if (threads_.size() >= kMaxThreads) {
      return TooLarge("process " + std::to_string(pid) + " has more than " +
                      std::to_string(kMaxThreads) + " threads");
    }
    if (ptrace(PTRACE_SEIZE, id, nullptr, nullptr) != 0) {
      if (errno == ESRCH && id != pid) continue;  // it ended since
      return WhyNotSeized(pid, errno);
    }
    any = true;
    threads_.push_back({.id = id});
    ptrace(PTRACE_INTERRUPT, id, nullptr, nullptr);
  }
  return any;
}

Result<void> StoppedProcess::WaitForAll(Deadline deadline) {
  for (Thread& thread : threads_) {
    while (!thread.stopped && thread.id != 0) {
      int status = 0;
      const pid_t got = waitpid(thread.id, &status, __WALL | WNOHANG);
      if (got == thread.id && WIFSTOPPED(status)) {
        thread.stopped = true;
        // Anything but our own interrupt or a group's stop is a signal on its way to the thread.
        if (status >> 16 != PTRACE_EVENT_STOP) thread.pending_signal = WSTOPSIG(status);
      } else if (got == thread.id || (got < 0 && errno == ECHILD)) {
        thread.id = 0;  // ended
      } else if (std::chrono::steady_clock::now() > deadline) {
        return Unavailable(
            "thread " + std::to_string(thread.id) +
            " does not stop (state D, waiting for a disk or a network file system?)");
      } else {
        std::this_thread::sleep_for(std::chrono::microseconds(20));
      }
    }
  }
  std::erase_if(threads_, [](const Thread& thread) { return thread.id == 0; });
  return {};
}

Result<StoppedProcess> StoppedProcess::Stop(pid_t pid, std::chrono::milliseconds patience) {
  if (pid <= 0) return InvalidArgument("process " + std::to_string(pid) + ": not a process id");
  if (pid == getpid()) return InvalidArgument("a process cannot stop itself");
  const Deadline deadline = std::chrono::steady_clock::now() + patience;
  StoppedProcess stopped;
  // A thread that is not stopped yet can make another: until no new one is found.
  for (bool more = true; more;) {
    TIDEMARK_ASSIGN_OR_RETURN(more, stopped.SeizeNew(pid));
    TIDEMARK_RETURN_IF_ERROR(stopped.WaitForAll(deadline));
  }
  if (stopped.threads_.empty()) {
    return NotFound("process " + std::to_string(pid) + " is not there");
  }
  return stopped;
}

std::vector<ThreadRegisters> StoppedProcess::Registers() const {
  std::vector<ThreadRegisters> found;
  for (const Thread& thread : threads_) {
    std::array<std::byte, 1024> set;
    iovec area{set.data(), set.size()};
    if (ptrace(PTRACE_GETREGSET, thread.id, NT_PRSTATUS, &area) != 0) continue;
    auto registers = ReadRegisters(thread.id, kMachine, std::span(set).first(area.iov_len));
    if (registers) found.push_back(std::move(*registers));
  }
  return found;
}

void StoppedProcess::Resume() {
  for (Thread& thread : threads_) {
    // A thread that is not stopped yet cannot be detached: it stops within microseconds, or is in
    // state D and then runs on when our process ends.
    for (int tries = 0; !thread.stopped && tries < 1000; ++tries) {
      int status = 0;
      const pid_t got = waitpid(thread.id, &status, __WALL | WNOHANG);
      if (got == thread.id && WIFSTOPPED(status)) {
        thread.stopped = true;
        if (status >> 16 != PTRACE_EVENT_STOP) thread.pending_signal = WSTOPSIG(status);
      } else if (got != 0) {
        break;
      } else {
        std::this_thread::sleep_for(std::chrono::microseconds(20));
      }
    }
    ptrace(PTRACE_DETACH, thread.id, nullptr, static_cast<long>(thread.pending_signal));
  }
  threads_.clear();
}

}  // namespace tidemark::goheap
