#include "collect/child_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>

namespace tidemark {
namespace {

constexpr size_t kMaxPidDigits = 20;

// Between fork and exec only async-signal-safe calls are allowed, so everything is laid out before.
struct Prepared {
  std::vector<char*> argv, envp;
  std::vector<char> suffixed;  // with room for the digits
  size_t digits_at = 0;
  std::vector<std::string> candidates;  // paths to try
};

std::vector<std::string> Candidates(const std::string& program) {
  if (program.find('/') != std::string::npos) return {program};
  const char* path = std::getenv("PATH");
  std::string rest = path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin";
  std::vector<std::string> out;
  for (size_t at = 0; at <= rest.size();) {
    const size_t end = std::min(rest.find(':', at), rest.size());
    const std::string folder = rest.substr(at, end - at);
    out.push_back((folder.empty() ? "." : folder) + "/" + program);
    at = end + 1;
  }
  return out;
}

void Prepare(const ChildCommand& command, Prepared* out) {
  for (const std::string& text : command.arguments)
    out->argv.push_back(const_cast<char*>(text.c_str()));
  for (const std::string& text : command.environment)
    out->envp.push_back(const_cast<char*>(text.c_str()));
  if (!command.pid_suffixed.empty()) {
    out->digits_at = command.pid_suffixed.size();
    out->suffixed.assign(command.pid_suffixed.begin(), command.pid_suffixed.end());
    out->suffixed.resize(out->digits_at + kMaxPidDigits + 1);
    out->envp.push_back(out->suffixed.data());
  }
  out->argv.push_back(nullptr);
  out->envp.push_back(nullptr);
  out->candidates = Candidates(command.arguments.front());
}

void AppendPid(pid_t pid, char* out) {
  std::array<char, kMaxPidDigits> digits;
  size_t count = 0;
  for (auto left = static_cast<unsigned long>(pid); left > 0; left /= 10) {
    digits[count++] = static_cast<char>('0' + left % 10);
  }
  while (count > 0) *out++ = digits[--count];
}

// In the child. Ends it with the errno on the pipe when nothing could be executed.
[[noreturn]] void Execute(Prepared* prepared, int error_pipe) {
  if (prepared->digits_at != 0)
    AppendPid(getpid(), prepared->suffixed.data() + prepared->digits_at);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  int error = ENOENT;
  for (const std::string& path : prepared->candidates) {
    execve(path.c_str(), prepared->argv.data(), prepared->envp.data());
    if (errno != ENOENT && errno != ENOTDIR) error = errno;
  }
  const ssize_t written = write(error_pipe, &error, sizeof error);
  _exit(written == sizeof error ? 127 : 126);
}

}  // namespace

std::string FindProgram(const std::string& name) {
  for (const std::string& path : Candidates(name)) {
    if (access(path.c_str(), X_OK) == 0) return path;
  }
  return "";
}

Result<pid_t> StartChild(const ChildCommand& command) {
  if (command.arguments.empty()) return InvalidArgument("no command to run");
  Prepared prepared;
  Prepare(command, &prepared);
  std::array<int, 2> error_pipe;
  if (pipe2(error_pipe.data(), O_CLOEXEC) != 0) {
    return IoError(std::string("cannot make a pipe: ") + std::strerror(errno));
  }
  const pid_t pid = fork();
  if (pid == 0) Execute(&prepared, error_pipe[1]);
  const int fork_error = errno;
  close(error_pipe[1]);
  if (pid < 0) {
    close(error_pipe[0]);
    return IoError(std::string("cannot fork: ") + std::strerror(fork_error));
  }
  int error = 0;
  ssize_t got;
  do {
    got = read(error_pipe[0], &error, sizeof error);
  } while (got < 0 && errno == EINTR);
  close(error_pipe[0]);
  if (got != sizeof error) return pid;
  waitpid(pid, nullptr, 0);
  const std::string message =
      "cannot run " + command.arguments.front() + ": " + std::strerror(error);
  return error == ENOENT ? NotFound(message) : IoError(message);
}

std::optional<ChildEnd> PollChild(pid_t pid) {
  int status = 0;
  if (waitpid(pid, &status, WNOHANG) != pid) return std::nullopt;
  if (WIFSIGNALED(status)) return ChildEnd{128 + WTERMSIG(status), WTERMSIG(status)};
  return ChildEnd{WEXITSTATUS(status), 0};
}

}  // namespace tidemark
