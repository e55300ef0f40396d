#include "cli/snapshot_command.h"

#include <csignal>
#include <cstdio>
#include <filesystem>

#include "base/text.h"
#include "cli/output.h"
#include "cli/output_file.h"
#include "goheap/go_snapshot.h"
#include "graphfile/shrink.h"
#include "heapdump/dump_bytes.h"

namespace tidemark {
namespace {

struct Taken {
  goheap::SnapshotReport snapshot;
  graphfile::ShrinkReport written;
};

Result<Taken> Take(const SnapshotCommandOptions& options, const std::string& out) {
  TIDEMARK_ASSIGN_OR_RETURN(OutputFile output, OutputFile::Open(out, "-"));
  Taken taken;
  goheap::SnapshotOptions snapshot;
  snapshot.max_copy_bytes = options.max_copy_bytes;
  snapshot.executable = options.exe;
  if (options.spool) snapshot.spool_directory = TempDirectory("");
  TIDEMARK_ASSIGN_OR_RETURN(const auto heap,
                            goheap::SnapshotGoProcess(options.pid, snapshot, &taken.snapshot));
  graphfile::ShrinkOptions shrink;
  shrink.strict = options.strict;
  shrink.all_span_ids = options.all_span_ids;
  TIDEMARK_ASSIGN_OR_RETURN(
      taken.written,
      graphfile::Shrink(
          *heap, [&](std::span<const std::byte> bytes) { return output.Write(bytes); }, shrink));
  TIDEMARK_RETURN_IF_ERROR(output.Keep());
  return taken;
}

// What /proc/PID/exe leads to; "PROGRAM" when that cannot be read.
std::string PathOfProgram(int pid) {
  std::error_code error;
  const auto path = std::filesystem::read_symlink("/proc/" + std::to_string(pid) + "/exe", error);
  return error ? "PROGRAM" : path.string();
}

}  // namespace

int RunSnapshot(const SnapshotCommandOptions& options) {
  std::signal(SIGPIPE, SIG_IGN);
  const std::string out =
      options.out.empty() ? "heap." + std::to_string(options.pid) + ".graph" : options.out;
  const auto taken = Take(options, out);
  if (!taken) return Fail(taken.error());
  std::FILE* to = out == "-" ? stderr : stdout;
  const auto& snapshot = taken->snapshot;
  std::fprintf(to, "process %d stood still for %.1f ms: %llu threads, %s copied\n", options.pid,
               snapshot.pause_ms, static_cast<unsigned long long>(snapshot.threads),
               FormatBytes(static_cast<double>(snapshot.copied_bytes)).c_str());
  std::fprintf(to, "%llu objects, %llu references -> %s: %s\n",
               static_cast<unsigned long long>(taken->written.objects),
               static_cast<unsigned long long>(taken->written.references),
               out == "-" ? "standard output" : out.c_str(),
               FormatBytes(static_cast<double>(taken->written.out_bytes)).c_str());
  if (snapshot.unreadable_bytes > 0) {
    std::fprintf(stderr, "tidemark: %s could not be read and are missing\n",
                 FormatBytes(static_cast<double>(snapshot.unreadable_bytes)).c_str());
  }
  if (!taken->written.damage.empty()) {
    std::fprintf(stderr, "tidemark: the heap could be read in part only: %s\n",
                 taken->written.damage.c_str());
  }
  if (out != "-") {
    std::fprintf(to, "Next: tidemark heap %s --exe %s\n", out.c_str(),
                 options.exe.empty() ? PathOfProgram(options.pid).c_str() : options.exe.c_str());
  }
  return kExitFine;
}

}  // namespace tidemark
