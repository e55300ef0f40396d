#include "heapreport/sentences.h"

#include <algorithm>

#include "base/text.h"
#include "base/time.h"
#include "heapreport/words.h"

namespace tidemark {
namespace {

constexpr uint64_t kMany = 16;  // objects, from which on one speaks of them as a crowd

std::string Bytes(uint64_t bytes) { return FormatBytes(static_cast<double>(bytes)); }

// "the heap", or what of it the shares are of when much of it is garbage.
std::string WholeHeap(const HeapReport& report) {
  return report.garbage_bytes > report.bytes / 100 ? "the reachable heap" : "the heap";
}

// ": 300,000 spans, 299,900 of them ended, the newest 3 s ago".
std::string SpanClause(const HeapReport& report, const HeldSpans& spans) {
  std::string text = ": " + FormatCount(spans.spans) + (spans.spans == 1 ? " span, " : " spans, ") +
                     (spans.ended == spans.spans ? "all" : FormatCount(spans.ended)) +
                     " of them ended";
  if (spans.spans == 1) text = ": one span, " + std::string(spans.ended ? "ended" : "not ended");
  if (spans.newest_end_ns > 0 && report.time_ns >= spans.newest_end_ns)
    text += ", newest " + FormatSpanOfTime(report.time_ns - spans.newest_end_ns) + " ago";
  return text;
}

// ": 200,000 objects", or what lies below a single one.
std::string PileClause(const ReportSuspect& suspect) {
  if (suspect.objects >= kMany) return ": " + FormatCount(suspect.objects) + " objects";
  if (suspect.piled_objects > 1 && suspect.piled_bytes > 0) {
    return ", mostly by way of " + FormatCount(suspect.piled_objects) + " objects of " +
           suspect.piled_type + " (" + Bytes(suspect.piled_bytes) + ")";
  }
  return suspect.objects > 1 ? ": " + FormatCount(suspect.objects) + " objects" : "";
}

std::string GrowthHeadline(const HeapReport& report) {
  const heapgraph::HeapGrowth& growth = *report.growth;
  const std::string from_to =
      " (" + Bytes(report.before_bytes) + " to " + Bytes(report.reachable_bytes()) + ")";
  if (growth.bytes == 0) return "The heap is as large as before" + from_to + ".";
  if (growth.bytes < 0) {
    return "The heap shrank by " + FormatBytes(-static_cast<double>(growth.bytes)) + from_to + ".";
  }
  std::string text = "The heap grew by " + FormatBytes(static_cast<double>(growth.bytes)) + from_to;
  const auto path = std::find_if(growth.paths.begin(), growth.paths.end(),
                                 [](const auto& row) { return row.suspect; });
  if (path == growth.paths.end()) {
    return text + "; no one path has most of it.";
  }
  return text + ": " +
         FormatShare(static_cast<uint64_t>(std::max<int64_t>(0, path->bytes)),
                     static_cast<uint64_t>(growth.bytes)) +
         " of that, " + FormatBytes(static_cast<double>(path->bytes)) + ", is held by " +
         JoinChain(path->path) + ", " +
         FormatCount(static_cast<uint64_t>(std::abs(path->objects))) +
         (path->objects < 0 ? " objects fewer than before." : " objects more than before.");
}

}  // namespace

std::string SuspectSentence(const HeapReport& report, const ReportSuspect& suspect,
                            const HeldSpans* spans) {
  std::string text = FormatShare(suspect.retained_bytes, report.reachable_bytes()) + " of " +
                     WholeHeap(report) + ", " + Bytes(suspect.retained_bytes) +
                     (suspect.group ? ", is held by objects that roots reach in more than one way: "
                                    : ", is held by ") +
                     JoinChain(suspect.chain);
  return text +
         (spans != nullptr && spans->spans > 0 ? SpanClause(report, *spans) : PileClause(suspect)) +
         ".";
}

std::string Headline(const HeapReport& report) {
  std::string text = report.damage.empty() ? "" : "PARTIAL: the dump is damaged, see below. ";
  if (report.growth) {
    text += GrowthHeadline(report);
    if (!report.suspects.empty()) text += " Now " + report.suspects[0].sentence;
    return text;
  }
  if (!report.suspects.empty()) return text + report.suspects[0].sentence;
  if (report.objects == 0) return text + "The dump has no objects.";
  if (report.reachable_bytes() == 0)
    return text + "No object is reachable from a root: all is garbage.";
  if (report.owners.empty()) return text + "Nothing holds a tenth of the heap.";
  const ReportOwner& first = report.owners[0];
  return text + "Nobody holds a tenth of " + WholeHeap(report) + " (" +
         Bytes(report.reachable_bytes()) + "): the largest owner, " + first.name + ", holds " +
         FormatShare(first.retained_bytes, report.reachable_bytes()) + ", " +
         Bytes(first.retained_bytes) + ".";
}

bool HasFinding(const HeapReport& report) {
  if (report.growth) {
    return std::any_of(report.growth->paths.begin(), report.growth->paths.end(),
                       [](const auto& path) { return path.suspect; });
  }
  return std::any_of(report.suspects.begin(), report.suspects.end(),
                     [](const ReportSuspect& suspect) { return suspect.share >= 0.5; });
}

}  // namespace tidemark
