#include "recorded_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <sstream>

namespace tidemark::crash {
namespace {

constexpr int kDeadlineMs = 120'000;  // a stuck program fails the test rather than hanging it

// Reads both to their ends. False when neither said anything for too long.
bool Drain(int output, int errors, std::string* output_text, std::string* errors_text) {
  pollfd fds[2] = {{output, POLLIN, 0}, {errors, POLLIN, 0}};
  std::string* texts[2] = {output_text, errors_text};
  while (fds[0].fd >= 0 || fds[1].fd >= 0) {
    if (poll(fds, 2, kDeadlineMs) <= 0) return false;
    for (int i = 0; i < 2; ++i) {
      if ((fds[i].revents & (POLLIN | POLLHUP)) == 0) continue;
      char buffer[4096];
      const ssize_t got = read(fds[i].fd, buffer, sizeof buffer);
      if (got > 0) texts[i]->append(buffer, static_cast<size_t>(got));
      if (got <= 0) fds[i].fd = -1;
    }
  }
  return true;
}

}  // namespace

RecordedProcess::RecordedProcess() {
  std::string pattern = (std::filesystem::temp_directory_path() / "tidemark-crash-XXXXXX").string();
  if (mkdtemp(pattern.data()) != nullptr) folder_ = pattern;
}

RecordedProcess::~RecordedProcess() {
  KillHard();
  for (const pid_t other : others_) kill(other, SIGKILL);
  if (output_ >= 0) close(output_);
  if (input_ >= 0) close(input_);
  std::error_code ignored;
  if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
}

void RecordedProcess::Spawn(const RunOptions& options, int* output, int* errors) {
  int in[2], out[2], err[2];
  if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0)
    std::abort();
  pid_ = fork();
  if (pid_ == 0) {
    dup2(in[0], 0);
    dup2(out[1], 1);
    dup2(err[1], 2);
    const std::string preload = options.preload.empty() ? TIDEMARK_PRELOAD : options.preload;
    if (preload != "none") setenv("LD_PRELOAD", preload.c_str(), 1);
    setenv("TIDEMARK_DIR", folder_.c_str(), 1);
    setenv("TIDEMARK_SAMPLE_BYTES", std::to_string(options.sample_bytes).c_str(), 1);
    for (const std::string& pair : options.environment) {
      const size_t equals = pair.find('=');
      setenv(pair.substr(0, equals).c_str(), pair.substr(equals + 1).c_str(), 1);
    }
    std::vector<char*> arguments;
    for (const std::string& argument : options.arguments)
      arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    execvp(arguments[0], arguments.data());
    _exit(126);
  }
  close(in[0]);
  close(out[1]);
  close(err[1]);
  input_ = in[1];
  *output = out[0];
  *errors = err[0];
}

Finished RecordedProcess::Run(const RunOptions& options) {
  int output, errors;
  Spawn(options, &output, &errors);
  close(input_);
  input_ = -1;
  Finished finished;
  if (!Drain(output, errors, &finished.output, &finished.errors)) kill(pid_, SIGKILL);
  waitpid(pid_, &finished.status, 0);
  close(output);
  close(errors);
  pid_ = -1;
  return finished;
}

bool RecordedProcess::StartUntilReady(const RunOptions& options, int times) {
  int errors;
  Spawn(options, &output_, &errors);
  close(errors);
  return WaitUntilReady(times);
}

bool RecordedProcess::NextReady() {
  pollfd fd{input_, POLLOUT, 0};
  const bool open = poll(&fd, 1, kDeadlineMs) == 1 && (fd.revents & POLLERR) == 0;
  return open && write(input_, "\n", 1) == 1 && WaitUntilReady(1);
}

Finished RecordedProcess::Finish() {
  close(input_);
  input_ = -1;
  Finished finished;
  if (!Drain(output_, -1, &finished.output, &finished.errors)) kill(pid_, SIGKILL);
  waitpid(pid_, &finished.status, 0);
  pid_ = -1;
  return finished;
}

bool RecordedProcess::WaitUntilReady(int times) {
  while (times > 0) {
    pollfd fd{output_, POLLIN, 0};
    char buffer[4096];
    if (poll(&fd, 1, kDeadlineMs) <= 0) return false;
    const ssize_t got = read(output_, buffer, sizeof buffer);
    if (got <= 0) return false;
    text_.append(buffer, static_cast<size_t>(got));
    for (size_t end; (end = text_.find('\n')) != std::string::npos; text_.erase(0, end + 1)) {
      std::istringstream line(text_.substr(0, end));
      std::string name, value;
      line >> name >> value;
      if (name == "ready") --times;
      if (!value.empty()) marks_[name] = std::strtoull(value.c_str(), nullptr, 0);
      if (name == "child") others_.push_back(static_cast<pid_t>(marks_[name]));
    }
  }
  return true;
}

void RecordedProcess::KillHard() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  int status;
  waitpid(pid_, &status, 0);
}

uint64_t RecordedProcess::mark(const std::string& name) const {
  const auto found = marks_.find(name);
  return found == marks_.end() ? 0 : found->second;
}

Result<LedgerSnapshot> RecordedProcess::Ledger(pid_t pid) const {
  return ReadLedger(folder_ + "/" + std::to_string(pid) + ".ledger");
}

std::vector<std::string> RecordedProcess::LedgerFiles() const {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder_))
    files.push_back(entry.path());
  return files;
}

bool RecordedProcess::IsLeakStack(const LedgerStack& stack) const {
  constexpr uint64_t kFunctionBytes = 512;  // more than any of the three is long
  const auto within = [&](uint64_t frame, const char* name) {
    return frame > mark(name) && frame - mark(name) < kFunctionBytes;
  };
  for (size_t i = 0; i + 2 < stack.frames.size(); ++i) {
    if (within(stack.frames[i], "LeakHere") && within(stack.frames[i + 1], "Middle") &&
        within(stack.frames[i + 2], "Outer")) {
      return true;
    }
  }
  return false;
}

RecordedProcess::Estimate RecordedProcess::LeakBytes(const LedgerSnapshot& snapshot) const {
  Estimate estimate;
  double variance = 0;
  for (const LedgerSample& sample : snapshot.live) {
    if (!IsLeakStack(snapshot.stacks[sample.stack])) continue;
    ++estimate.samples;
    estimate.bytes += sample.bytes;
    // Variance of a Horvitz-Thompson estimate: s^2 (1 - p) / p^2 for each sample.
    const double p = static_cast<double>(sample.size) / sample.bytes;
    variance += sample.bytes * sample.bytes * (1 - p);
  }
  estimate.error = std::sqrt(variance);
  return estimate;
}

}  // namespace tidemark::crash
