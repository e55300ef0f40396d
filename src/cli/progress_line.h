// One line on a terminal that says how far a long piece of work has come.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace tidemark {

// Rewritten at most ten times a second; nothing at all where the stream is no terminal. One thread.
class ProgressLine {
 public:
  explicit ProgressLine(std::FILE* stream);
  ~ProgressLine() { Clear(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  // `all` 0: not known. `bytes`: the figures are bytes, so that a rate is shown.
  void Show(std::string_view phase, uint64_t done, uint64_t all, bool bytes);
  void Clear();

 private:
  std::FILE* const stream_;
  const bool terminal_;
  std::string phase_;
  int64_t phase_began_ns_ = 0, shown_ns_ = 0;
};

// "reading the heap  42 %, 812 MiB/s".
std::string ProgressText(std::string_view phase, uint64_t done, uint64_t all, bool bytes,
                         int64_t elapsed_ns);

}  // namespace tidemark
