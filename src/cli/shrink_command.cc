#include "cli/shrink_command.h"

#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "base/text.h"
#include "cli/output.h"
#include "cli/output_file.h"
#include "cli/progress_line.h"
#include "graphfile/shrink.h"
#include "heapdump/dump_bytes.h"
#include "heapdump/open_dump.h"
#include "heapdump/spill_file.h"

namespace tidemark {
namespace {

// The tables of a V8 snapshot lie in files, so that 64 MiB are enough whatever the snapshot: the
// program itself has 10 MiB, what writes and compresses 20 more.
constexpr uint64_t kScratchBytes = uint64_t{1} << 20;
constexpr uint64_t kResidentBytes = uint64_t{55} << 20;

// Unmaps what was read of the program's libraries to load and relocate them, mostly symbols. Only
// segments that nobody may write are: their pages come back from the file when they are used.
int GiveBackPages(dl_phdr_info* object, size_t, void*) {
  for (uint16_t i = 0; i < object->dlpi_phnum; ++i) {
    const auto& segment = object->dlpi_phdr[i];
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) continue;
    const uint64_t page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
    const uint64_t begin = (object->dlpi_addr + segment.p_vaddr) / page * page;
    const uint64_t end = object->dlpi_addr + segment.p_vaddr + segment.p_filesz;
    madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
  }
  return 0;
}

Result<graphfile::ShrinkReport> Shrink(const ShrinkCommandOptions& options,
                                       const std::string& out) {
  dl_iterate_phdr(GiveBackPages, nullptr);
  SpillFile scratch({kScratchBytes, kResidentBytes}, TempDirectory(""));
  OpenDumpOptions open;
  open.scratch = &scratch;
  open.one_reading = true;
  open.little_memory = true;
  TIDEMARK_ASSIGN_OR_RETURN(const OpenedDump dump, OpenDump(options.dump, open));
  if (dump.format == DumpFormat::kGraphFile && !options.strict) {
    return InvalidArgument(options.dump +
                           ": is shrunk already; --strict takes what it kept of spans as well");
  }
  TIDEMARK_ASSIGN_OR_RETURN(OutputFile output, OutputFile::Open(out, options.dump));
  ProgressLine line(stderr);
  graphfile::ShrinkOptions shrink;
  shrink.strict = options.strict;
  shrink.all_span_ids = options.all_span_ids;
  shrink.level = options.level;
  const uint64_t all = dump.gzip ? 0 : dump.file_bytes;
  shrink.progress = [&](uint64_t done) { line.Show("shrinking", done, all, true); };
  auto report = graphfile::Shrink(
      *dump.source, [&](std::span<const std::byte> bytes) { return output.Write(bytes); }, shrink);
  if (report) TIDEMARK_RETURN_IF_ERROR(output.Keep(dump.file_time_ns));
  return report;
}

void Print(std::FILE* to, const graphfile::ShrinkReport& report, const std::string& out) {
  std::fprintf(to, "%s -> %s: %s, %.2f %% of it\n",
               FormatBytes(static_cast<double>(report.in_bytes)).c_str(),
               out == "-" ? "standard output" : out.c_str(),
               FormatBytes(static_cast<double>(report.out_bytes)).c_str(), 100 * report.ratio());
  std::fprintf(to, "%llu objects, %llu references; %.2f s, %.0f MB/s, %s resident at most\n",
               static_cast<unsigned long long>(report.objects),
               static_cast<unsigned long long>(report.references), report.seconds,
               report.megabytes_per_second(),
               FormatBytes(static_cast<double>(report.peak_resident_bytes)).c_str());
  const auto& kept = report.contents;
  if (kept.spans > 0) {
    std::fprintf(to, "kept of contents: times of %llu spans, ids of %llu, names of %llu",
                 static_cast<unsigned long long>(kept.spans),
                 static_cast<unsigned long long>(kept.span_ids),
                 static_cast<unsigned long long>(kept.names));
    if (kept.names_in_text > 0) {
      std::fprintf(to, " (of %llu in the program's own text)",
                   static_cast<unsigned long long>(kept.names_in_text));
    }
    if (kept.names_lost > 0) {
      std::fprintf(to, "; names of %llu passed by before their spans",
                   static_cast<unsigned long long>(kept.names_lost));
    }
    std::fputs("\n", to);
  }
  const auto& written = report.written;
  if (written.names_refused > 0 || written.texts_cut > 0) {
    std::fprintf(to, "over the limits: %llu names told as \"(other)\", %llu texts cut\n",
                 static_cast<unsigned long long>(written.names_refused),
                 static_cast<unsigned long long>(written.texts_cut));
  }
}

}  // namespace

int RunShrink(const ShrinkCommandOptions& options) {
  // Of glibc: buffers of 1 MiB and more go back to the system when they are freed. By itself it
  // would learn from them to keep as much.
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
  // Whoever reads our output may go; the program that writes the dump must not notice.
  std::signal(SIGPIPE, SIG_IGN);
  std::string out = options.out;
  if (out.empty()) out = options.dump == "-" ? "-" : options.dump + ".graph";
  const auto report = Shrink(options, out);
  if (!report) return Fail(report.error());
  Print(out == "-" ? stderr : stdout, *report, out);
  if (!report->damage.empty()) {
    std::fprintf(stderr, "tidemark: the dump is damaged; what comes before is kept: %s\n",
                 report->damage.c_str());
  }
  return kExitFine;
}

}  // namespace tidemark
