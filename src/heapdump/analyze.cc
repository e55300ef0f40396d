#include "heapdump/analyze.h"

#include <future>

#include "heapdump/analyze_go.h"
#include "heapdump/analyze_v8.h"
#include "heapdump/dump_bytes.h"
#include "heapdump/spill_file.h"

namespace tidemark {
namespace {

HeapRuntime RuntimeOf(DumpFormat format, const std::string& told) {
  const auto begins = [&](std::string_view word) { return told.starts_with(word); };
  if (format == DumpFormat::kHprof || begins("hprof")) return HeapRuntime::kJvm;
  if (format == DumpFormat::kV8Snapshot || begins("v8")) return HeapRuntime::kNode;
  if (format == DumpFormat::kGoDump || format == DumpFormat::kGoCore || begins("go"))
    return HeapRuntime::kGo;
  return HeapRuntime::kOther;
}

// Gives no more memory once the analysis is to stop, which ends it at its next step.
class StoppableScratch : public heapgraph::Scratch {
 public:
  StoppableScratch(std::unique_ptr<heapgraph::Scratch> scratch, const std::atomic<bool>* stop)
      : scratch_(std::move(scratch)), stop_(stop) {}

  Result<std::span<std::byte>> Allocate(uint64_t bytes) override {
    if (*stop_) return Unavailable("the analysis was stopped");
    return scratch_->Allocate(bytes);
  }
  Result<std::span<std::byte>> Resize(std::span<std::byte> bytes, uint64_t new_bytes) override {
    if (*stop_) return Unavailable("the analysis was stopped");
    return scratch_->Resize(bytes, new_bytes);
  }
  void Release(std::span<std::byte> bytes) override { scratch_->Release(bytes); }
  void Breathe() override { scratch_->Breathe(); }
  bool spills() const override { return scratch_->spills(); }
  uint64_t peak_bytes() const override { return scratch_->peak_bytes(); }

 private:
  const std::unique_ptr<heapgraph::Scratch> scratch_;
  const std::atomic<bool>* const stop_;
};

std::unique_ptr<heapgraph::Scratch> MakeScratch(const AnalyzeOptions& options) {
  std::unique_ptr<heapgraph::Scratch> scratch = std::make_unique<heapgraph::HeapScratch>();
  if (options.memory_bytes > 0) {
    scratch = std::make_unique<SpillFile>(options.memory_bytes,
                                          TempDirectory(options.open.temp_directory));
  }
  if (options.stop == nullptr) return scratch;
  return std::make_unique<StoppableScratch>(std::move(scratch), options.stop);
}

Result<void> Suspect(const AnalyzeOptions& options, HeapAnalysis* analysis) {
  heapgraph::Scratch& scratch = *analysis->scratch;
  const heapgraph::HeapGraph& graph = *analysis->graph;
  TIDEMARK_ASSIGN_OR_RETURN(analysis->types, TypeHistogram(graph, analysis->tree, scratch));
  analysis->suspects = FindSuspects(graph, analysis->tree, scratch, options.suspects);
  return AddPaths(graph, scratch, options.progress, &analysis->suspects);
}

// What follows from the dominators.
Result<void> WorkOut(const AnalyzeOptions& options, HeapAnalysis* analysis) {
  heapgraph::Scratch& scratch = *analysis->scratch;
  const heapgraph::HeapGraph& graph = *analysis->graph;
  const heapgraph::DominatorTree& tree = analysis->tree;
  // Where memory is scarce one thing is done at a time.
  auto retaining = std::async(scratch.spills() ? std::launch::deferred : std::launch::async,
                              [&] { return BuildRetainingTree(graph, tree, scratch); });
  const auto suspected = Suspect(options, analysis);
  TIDEMARK_ASSIGN_OR_RETURN(analysis->retaining, retaining.get());
  return suspected;
}

Result<void> Dominate(const AnalyzeOptions& options, HeapAnalysis* analysis) {
  TIDEMARK_ASSIGN_OR_RETURN(
      analysis->tree, ComputeDominators(*analysis->graph, *analysis->scratch, options.progress));
  return {};
}

Result<void> WorkOutGoInTurn(const AnalyzeOptions& options, GoHeap& go, HeapAnalysis* analysis) {
  TIDEMARK_RETURN_IF_ERROR(go.TypeObjects(analysis));
  TIDEMARK_RETURN_IF_ERROR(Dominate(options, analysis));
  TIDEMARK_RETURN_IF_ERROR(WorkOut(options, analysis));
  TIDEMARK_ASSIGN_OR_RETURN(const auto spans, go.FindSpans(*analysis->graph, *analysis->scratch));
  return AddSpans(spans, analysis);
}

// Types of objects, which dominators do not ask for, and spans come from a thread of its own.
Result<void> WorkOutGo(const AnalyzeOptions& options, GoHeap& go, HeapAnalysis* analysis) {
  if (analysis->scratch->spills()) return WorkOutGoInTurn(options, go, analysis);
  std::promise<Result<void>> typing;
  auto finding = std::async(std::launch::async, [&] {
    typing.set_value(go.TypeObjects(analysis));
    return go.FindSpans(*analysis->graph, *analysis->scratch);
  });
  Result<void> worked_out = Dominate(options, analysis);
  const Result<void> typed = typing.get_future().get();
  if (worked_out) worked_out = typed ? WorkOut(options, analysis) : typed;
  const auto spans = finding.get();
  TIDEMARK_RETURN_IF_ERROR(worked_out);
  if (!spans) return spans.error();
  return AddSpans(*spans, analysis);
}

Result<HeapAnalysis> Analyze(const std::string& path, const AnalyzeOptions& options) {
  HeapAnalysis analysis;
  analysis.scratch = MakeScratch(options);
  OpenDumpOptions open = options.open;
  open.scratch = analysis.scratch.get();
  TIDEMARK_ASSIGN_OR_RETURN(OpenedDump dump, OpenDump(path, open));
  analysis.file = path;
  analysis.file_bytes = dump.file_bytes;
  analysis.time_ns = dump.file_time_ns;
  // The first reading knows how large the file is only from here.
  const uint64_t readable_bytes = dump.gzip ? 0 : dump.file_bytes;
  const auto reading = [&](std::string_view phase, uint64_t done, uint64_t all) {
    if (options.progress) options.progress(phase, done, all == 0 ? readable_bytes : all);
  };
  std::unique_ptr<GoHeap> go;
  if (RuntimeOf(dump.format, std::string(dump.source->format())) == HeapRuntime::kGo) {
    TIDEMARK_ASSIGN_OR_RETURN(go, GoHeap::Make(std::move(dump.source), dump.exe));
  }
  heapgraph::HeapSource& source = go ? go->source() : *dump.source;
  TIDEMARK_ASSIGN_OR_RETURN(analysis.graph, BuildGraph(source, *analysis.scratch, reading));
  analysis.runtime = RuntimeOf(dump.format, analysis.graph->format());
  if (go) {
    TIDEMARK_RETURN_IF_ERROR(WorkOutGo(options, *go, &analysis));
  } else {
    TIDEMARK_RETURN_IF_ERROR(Dominate(options, &analysis));
    TIDEMARK_RETURN_IF_ERROR(WorkOut(options, &analysis));
  }
  if (analysis.runtime == HeapRuntime::kNode) TIDEMARK_RETURN_IF_ERROR(NoteDetached(&analysis));
  return analysis;
}

}  // namespace

Result<HeapAnalysis> AnalyzeDump(const std::string& path, const AnalyzeOptions& options) {
  auto analysis = Analyze(path, options);
  if (analysis || analysis.error().message.starts_with(path)) return analysis;
  Error error = analysis.error();
  error.message = path + ": " + error.message;
  return error;
}

}  // namespace tidemark
