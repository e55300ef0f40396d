#include "cli/progress_line.h"

#include <unistd.h>

#include <algorithm>

#include "base/text.h"
#include "base/time.h"

namespace tidemark {
namespace {

constexpr int64_t kBetweenLinesNs = kNsPerSecond / 10;
constexpr char kEraseLine[] = "\r\x1b[K";

}  // namespace

ProgressLine::ProgressLine(std::FILE* stream)
    : stream_(stream), terminal_(isatty(fileno(stream)) != 0) {}

void ProgressLine::Show(std::string_view phase, uint64_t done, uint64_t all, bool bytes) {
  if (!terminal_) return;
  const int64_t now = SteadyClockNs();
  if (phase_ != phase) {
    phase_ = phase;
    phase_began_ns_ = now;
  } else if (now - shown_ns_ < kBetweenLinesNs) {
    return;
  }
  shown_ns_ = now;
  const std::string text = ProgressText(phase, done, all, bytes, now - phase_began_ns_);
  std::fprintf(stream_, "%s%s", kEraseLine, text.c_str());
  std::fflush(stream_);
}

void ProgressLine::Clear() {
  if (shown_ns_ == 0) return;
  std::fputs(kEraseLine, stream_);
  std::fflush(stream_);
  shown_ns_ = 0;
}

std::string ProgressText(std::string_view phase, uint64_t done, uint64_t all, bool bytes,
                         int64_t elapsed_ns) {
  std::string text(phase);
  if (all > 0) {
    const double share = std::min(1.0, static_cast<double>(done) / static_cast<double>(all));
    text += "  " + std::to_string(static_cast<int>(share * 100)) + " %";
  } else if (bytes) {
    text += "  " + FormatBytes(static_cast<double>(done));
  }
  if (bytes && elapsed_ns > kNsPerSecond / 2) {
    text += ", " + FormatBytes(static_cast<double>(done) * 1e9 / static_cast<double>(elapsed_ns)) +
            "/s";
  }
  return text;
}

}  // namespace tidemark
