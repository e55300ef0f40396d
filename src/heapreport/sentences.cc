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
  const int64_t age_ns = report.time_ns - spans.newest_end_ns;
  if (spans.newest_end_ns > 0 && age_ns >= 0)
    text += ", newest " + (age_ns < kNsPerSecond ? "under 1 s" : FormatSpanOfTime(age_ns)) + " ago";
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

// What to name of the growth: of the path that is suspected most, the deepest part that has 70 % of
// all growth; the path itself where none has.
const heapgraph::PathGrowth* GrownPath(const heapgraph::HeapGrowth& growth) {
  constexpr double kMost = 0.7;
  const heapgraph::PathGrowth* suspect = nullptr;
  for (const auto& row : growth.paths) {
    if (row.suspect && (suspect == nullptr || row.bytes > suspect->bytes)) suspect = &row;
  }
  if (suspect == nullptr) return nullptr;
  const heapgraph::PathGrowth* named = nullptr;
  for (const auto& row : growth.paths) {
    const bool part = row.path.size() <= suspect->path.size() &&
                      std::equal(row.path.begin(), row.path.end(), suspect->path.begin());
    const bool most = static_cast<double>(row.bytes) >= kMost * static_cast<double>(growth.bytes);
    if (part && most && (named == nullptr || row.path.size() > named->path.size())) named = &row;
  }
  return named != nullptr ? named : suspect;
}

// ", 100,000 more of them than before", them being the last that the path names; of a root or a
// single object all that it holds.
std::string GrownObjects(const heapgraph::PathGrowth& path) {
  if (path.own_objects > 1)
    return ", " + FormatCount(static_cast<uint64_t>(path.own_objects)) +
           " more of them than before";
  return ", with " + FormatCount(static_cast<uint64_t>(std::abs(path.objects))) +
         (path.objects < 0 ? " objects fewer below it than before"
                           : " objects more below it than before");
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
  const heapgraph::PathGrowth* path = GrownPath(growth);
  if (path == nullptr) return text + "; no one path has most of it.";
  return text + ": " +
         FormatShare(static_cast<uint64_t>(std::max<int64_t>(0, path->bytes)),
                     static_cast<uint64_t>(growth.bytes)) +
         " of that, " + FormatBytes(static_cast<double>(path->bytes)) + ", is held by " +
         JoinChain(path->path) + GrownObjects(*path) + ".";
}

}  // namespace

std::string SuspectSentence(const HeapReport& report, const ReportSuspect& suspect,
                            const HeldSpans* spans) {
  std::string text = FormatShare(suspect.retained_bytes, report.reachable_bytes()) + " of " +
                     WholeHeap(report) + ", " + Bytes(suspect.retained_bytes) +
                     (suspect.group ? ", is held by objects that roots reach in more than one way: "
                                    : ", is held by ") +
                     JoinChain(suspect.chain);
  // Where much lies beside what is named last.
  if (suspect.pile_bytes > 0 && suspect.pile_bytes < suspect.retained_bytes / 10 * 9)
    text += " (" + Bytes(suspect.pile_bytes) + " of it)";
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
  if (!report.suspects.empty()) {
    text += report.suspects[0].sentence;
    // Ended spans that are held are a finding wherever they stand.
    const auto spans = std::find_if(report.suspects.begin(), report.suspects.end(),
                                    [](const auto& suspect) { return suspect.ended_spans > 0; });
    if (spans != report.suspects.end() && spans != report.suspects.begin())
      text += " " + spans->sentence;
    return text;
  }
  if (report.objects == 0) return text + "The dump has no objects.";
  // A dump of Go tells its roots last.
  if (report.reachable_bytes() == 0 && !report.damage.empty()) {
    return text + "No root was read that reaches one of its " + FormatCount(report.objects) +
           " objects (" + Bytes(report.bytes) + "): nobody can be named.";
  }
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
