#include "cli/heap_command.h"

#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "base/files.h"
#include "cli/output.h"
#include "cli/progress_line.h"
#include "codec/pprof.h"
#include "heapdump/analyze.h"
#include "heapdump/analyze_v8.h"
#include "heapdump/memory_budget.h"
#include "heapreport/make_report.h"
#include "heapreport/report_html.h"
#include "heapreport/report_json.h"
#include "heapreport/report_pprof.h"
#include "heapreport/report_text.h"
#include "server/config.h"

namespace tidemark {
namespace {

std::string Written(const HeapReport& report, const HeapCommandOptions& options) {
  switch (options.output) {
    case HeapOutput::kText:
      return HeapReportText(report, {.top = options.top});
    case HeapOutput::kJson:
      return HeapReportJson(report);
    case HeapOutput::kHtml:
      return HeapReportHtml(report);
    case HeapOutput::kPprof:
      return EncodePprof(HeapReportProfile(report));
  }
  return "";
}

Result<HeapReport> Report(const HeapCommandOptions& options) {
  AnalyzeOptions analyze;
  analyze.open.exe = options.exe;
  analyze.open.mat_compat = options.mat_compat;
  analyze.memory_bytes = DefaultMemoryBytes();
  if (!options.memory.empty()) {
    TIDEMARK_ASSIGN_OR_RETURN(analyze.memory_bytes, ParseSize(options.memory));
  }
  ProgressLine line(stderr);
  analyze.progress = [&](std::string_view phase, uint64_t done, uint64_t all) {
    line.Show(phase, done, all, phase.starts_with("reading"));
  };
  if (options.later.empty()) {
    TIDEMARK_ASSIGN_OR_RETURN(const HeapAnalysis heap, AnalyzeDump(options.dump, analyze));
    return MakeHeapReport(heap);
  }
  if (options.dump == "-" && options.later == "-")
    return InvalidArgument("only one of two dumps can be the standard input");
  analyze.memory_bytes /= 2;  // both are in memory at the end
  TIDEMARK_ASSIGN_OR_RETURN(const HeapAnalysis before, AnalyzeDump(options.dump, analyze));
  TIDEMARK_ASSIGN_OR_RETURN(HeapAnalysis after, AnalyzeDump(options.later, analyze));
  if (before.runtime != after.runtime)
    return InvalidArgument(options.dump + " and " + options.later + " are of different runtimes (" +
                           before.graph->format() + ", " + after.graph->format() +
                           "); two dumps of one program can be compared");
  if (after.runtime == HeapRuntime::kNode) CompareIds(before, &after);
  return MakeGrowthReport(before, after);
}

}  // namespace

int RunHeap(const HeapCommandOptions& options) {
  if (options.output == HeapOutput::kPprof && (options.out.empty() || options.out == "-") &&
      isatty(STDOUT_FILENO) != 0)
    return Fail(InvalidArgument("pprof is binary; name a file with --out"));
  std::error_code none;
  for (const std::string& dump : {options.dump, options.later}) {
    if (std::filesystem::equivalent(dump, options.out, none))
      return Fail(InvalidArgument(dump + ": is the dump itself; name another file with --out"));
  }
  const auto report = Report(options);
  if (!report) return Fail(report.error());
  const std::string written = Written(*report, options);
  if (!options.out.empty() && options.out != "-") {
    if (auto kept = WriteWholeFile(options.out, written); !kept) return Fail(kept.error());
    std::printf("%s\n%s: %zu bytes\n", report->headline.c_str(), options.out.c_str(),
                written.size());
  } else if (std::fwrite(written.data(), 1, written.size(), stdout) != written.size() ||
             std::fflush(stdout) != 0) {
    return Fail(IoError("cannot write to the standard output"));
  }
  if (!report->broken.empty()) return Fail(Internal("the report does not add up; see there"));
  return options.check && HasFinding(*report) ? kExitFinding : kExitFine;
}

}  // namespace tidemark
