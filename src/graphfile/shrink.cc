#include "graphfile/shrink.h"

#include <chrono>
#include <fstream>
#include <string>

namespace tidemark::graphfile {
namespace {

// Not ru_maxrss: that of a process which was forked and replaced begins with its parent's.
uint64_t PeakResidentBytes() {
  std::ifstream status("/proc/self/status");
  std::string word;
  uint64_t kibibytes = 0;
  while (status >> word) {
    if (word == "VmHWM:" && status >> kibibytes) return kibibytes * 1024;
  }
  return 0;
}

}  // namespace

double ShrinkReport::ratio() const {
  return in_bytes > 0 ? static_cast<double>(out_bytes) / static_cast<double>(in_bytes) : 0;
}

double ShrinkReport::megabytes_per_second() const {
  return seconds > 0 ? static_cast<double>(in_bytes) / 1e6 / seconds : 0;
}

Result<ShrinkReport> Shrink(heapgraph::HeapSource& source, WriteBytes write,
                            const ShrinkOptions& options) {
  const auto begin = std::chrono::steady_clock::now();
  GraphWriter writer(std::move(write), {std::string(source.format()), options.level});
  // Nothing is allowed of the contents of other heaps, so they need not be read.
  const bool contents = !options.strict && source.format().starts_with("go ");
  AllowList filter(writer, {!contents, options.all_span_ids, options.progress});
  TIDEMARK_ASSIGN_OR_RETURN(const auto outcome, source.Read(filter, {.contents = contents}));
  ShrinkReport report;
  report.contents = filter.Finish();
  TIDEMARK_ASSIGN_OR_RETURN(report.written, writer.Finish(outcome));
  report.in_bytes = outcome.bytes;
  report.out_bytes = report.written.bytes;
  report.objects = report.written.objects;
  report.references = report.written.references;
  report.damage = outcome.damage;
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  report.peak_resident_bytes = PeakResidentBytes();
  return report;
}

}  // namespace tidemark::graphfile
