#include "heapreport/report_text.h"

#include <algorithm>

#include "base/text.h"
#include "base/time.h"
#include "heapreport/words.h"

namespace tidemark {
namespace {

constexpr size_t kWidth = 100;

std::string Bytes(uint64_t bytes) { return FormatBytes(static_cast<double>(bytes)); }
std::string Right(const std::string& text, size_t width) {
  return std::string(text.size() < width ? width - text.size() : 0, ' ') + text;
}

// Figures right in columns, then a name that may take what is left of the line.
std::string Row(const std::vector<std::string>& figures, const std::string& name) {
  std::string line = " ";
  for (const std::string& figure : figures) line += " " + Right(figure, 12);
  line += "  ";
  return line + Presentable(name, kWidth - line.size()) + "\n";
}

std::string Heading(const std::string& text) { return "\n" + text + "\n"; }

std::string Plain(int64_t count) {
  return (count > 0   ? "+"
          : count < 0 ? "-"
                      : "") +
         FormatCount(static_cast<uint64_t>(count < 0 ? -count : count));
}

std::string AboutTheDump(const HeapReport& report) {
  std::string text = report.file + ": " + report.format;
  for (const char* key : {"go version", "jvm version", "node version"}) {
    if (const auto fact = report.facts.find(key); fact != report.facts.end())
      text += ", " + fact->second;
  }
  if (report.file_bytes > 0) text += ", a file of " + Bytes(report.file_bytes);
  if (report.time_ns > 0) text += ", written " + FormatRfc3339(report.time_ns);
  if (!report.before_file.empty()) text += "; compared with " + report.before_file;
  return "\n" + WrapText(text, kWidth, 2) + "\n";
}

std::string Totals(const HeapReport& report) {
  std::string text;
  const auto row = [&](const char* what, uint64_t objects, uint64_t bytes) {
    text += Row({FormatCount(objects), Bytes(bytes), FormatShare(bytes, report.bytes)}, what);
  };
  text += Row({"objects", "bytes", "share"}, "");
  row("held by one root", report.owned_objects, report.owned_bytes);
  row("held by several roots together", report.shared_objects, report.shared_bytes);
  row("garbage: no root reaches it", report.garbage_objects, report.garbage_bytes);
  row("in all", report.objects, report.bytes);
  const auto fact = [&](const char* key) {
    const auto found = report.facts.find(key);
    return found == report.facts.end() ? std::string() : found->second;
  };
  const std::string objects = fact("runtime objects"), bytes = fact("runtime bytes");
  if (objects.empty() && bytes.empty()) return text;
  const bool same = (objects.empty() || objects == std::to_string(report.objects)) &&
                    (bytes.empty() || bytes == std::to_string(report.bytes));
  std::string line = "  The runtime's own count: ";
  if (!objects.empty()) line += objects + " objects" + (bytes.empty() ? "" : ", ");
  if (!bytes.empty()) line += bytes + " bytes";
  line += same ? ": the same."
               : "; ours is " + std::to_string(report.objects) + " objects, " +
                     std::to_string(report.bytes) + " bytes.";
  return text + WrapText(line, kWidth, 2) + "\n";
}

// One step of a path: how, what, where, how much it keeps; what does not fit is cut in the middle.
std::string StepLine(const HeapReport& report, const ReportStep& step, bool first) {
  std::string line = first ? "      " : "        ";
  if (!first) line += (step.how.empty() ? "" : Presentable(step.how, 40) + " ") + "-> ";
  std::string tail;
  if (step.address != 0) tail = " " + FormatAddress(step.address, report.addresses_are_ids);
  if (step.retained_bytes > 0) tail += ", keeps " + Bytes(step.retained_bytes);
  return line + Presentable(step.what, kWidth - line.size() - tail.size()) + tail + "\n";
}

std::string Steps(const HeapReport& report, const ReportSuspect& suspect) {
  constexpr size_t kEnds = 8;  // steps shown at either end of a long path
  std::string text;
  const size_t all = suspect.path.size();
  for (size_t i = 0; i < all; ++i) {
    if (i == kEnds && all > 2 * kEnds) {
      text += "        ... " + std::to_string(all - 2 * kEnds) + " steps\n";
      i = all - kEnds;
    }
    text += StepLine(report, suspect.path[i], i == 0);
  }
  return text;
}

std::string Suspects(const HeapReport& report) {
  if (report.suspects.empty()) return "";
  std::string text = Heading("Suspects, with the shortest path from a root:");
  size_t number = 0;
  for (const ReportSuspect& suspect : report.suspects) {
    text += WrapText("  " + std::to_string(++number) + ". " + suspect.sentence, kWidth, 5) + "\n" +
            Steps(report, suspect);
  }
  return text;
}

std::string SpansText(const HeapReport& report, size_t top) {
  std::string text;
  for (const HeldSpans& held : report.spans) {
    text +=
        Heading(WrapText("Spans held by " + JoinChain(held.chain) + ": " + FormatCount(held.spans) +
                             ", of which " + FormatCount(held.ended) + " ended",
                         kWidth, 2));
    size_t shown = 0;
    for (const NamedCount& name : held.names) {
      if (shown++ == 5) break;
      text += Row({FormatCount(name.count)}, name.name);
    }
    shown = 0;
    for (const HeldTrace& trace : held.traces) {
      if (shown++ == std::min<size_t>(top, 10)) break;
      text += Presentable("    trace " + trace.trace_id + " span " + trace.span_id +
                              (trace.end_ns == 0 ? " open since " + FormatRfc3339(trace.start_ns)
                                                 : " ended " + FormatRfc3339(trace.end_ns)),
                          kWidth) +
              "\n";
    }
  }
  return text;
}

std::string Types(const HeapReport& report, size_t top) {
  if (report.types.empty()) return "";
  std::string text =
      Heading("Types, by what they keep (" + FormatCount(report.all_types) + " in all):");
  text += Row({"retained", "own bytes", "objects"}, "type");
  size_t shown = 0;
  for (const ReportType& row : report.types) {
    if (shown++ == top) break;
    text += Row({Bytes(row.retained_bytes), Bytes(row.bytes), FormatCount(row.objects)}, row.name);
  }
  return text;
}

std::string Owners(const HeapReport& report, size_t top) {
  if (report.owners.empty()) return "";
  std::string text = Heading("Largest owners:");
  text += Row({"retained", "share", "objects"}, "owner");
  size_t shown = 0;
  for (const ReportOwner& row : report.owners) {
    if (shown++ == top) break;
    text +=
        Row({Bytes(row.retained_bytes), FormatShare(row.retained_bytes, report.reachable_bytes()),
             FormatCount(row.retained_objects)},
            row.name);
  }
  return text;
}

std::string Growth(const HeapReport& report, size_t top) {
  if (!report.growth) return "";
  std::string text = Heading("What grew, by path (* = suspected):");
  text += Row({"bytes", "objects"}, "held by");
  size_t shown = 0;
  for (const auto& row : report.growth->paths) {
    if (row.bytes == 0 && row.objects == 0) continue;
    if (shown++ == top) break;
    text += Row({FormatChange(row.bytes), Plain(row.objects)},
                (row.suspect ? "* " : "") + JoinChain(row.path, 68));
  }
  text += Heading("What grew, by type:");
  text += Row({"bytes", "retained", "objects"}, "type");
  shown = 0;
  for (const auto& row : report.growth->types) {
    if (row.bytes == 0 && row.objects == 0) continue;
    if (shown++ == top) break;
    text += Row({FormatChange(row.bytes), FormatChange(row.retained_bytes), Plain(row.objects)},
                row.type);
  }
  return text;
}

std::string Amount(uint64_t objects, uint64_t bytes) {
  return FormatCount(objects) + (objects == 1 ? " object, " : " objects, ") + Bytes(bytes);
}

// Rows of at least a two-hundredth, and what the others come to.
std::string Held(const ObjectsSince& since, size_t top) {
  if (since.held.empty()) return "";
  std::string text =
      Heading("What came since, by the way it is held, with the path of one of them:");
  text += Row({"retained", "objects"}, "held by");
  uint64_t objects = since.held_objects, bytes = since.held_bytes;
  size_t shown = 0;
  for (const HeldSince& row : since.held) {
    if (row.bytes < since.held_bytes / 200 || shown++ == top) break;
    text += Row({Bytes(row.bytes), FormatCount(row.objects)}, JoinChain(row.path, 68));
    objects -= row.objects;
    bytes -= row.bytes;
  }
  if (objects > 0) text += Row({Bytes(bytes), FormatCount(objects)}, "(in other ways)");
  return text;
}

std::string Since(const HeapReport& report, size_t top) {
  if (!report.since) return "";
  const ObjectsSince& since = *report.since;
  std::string text = Heading("What came since the earlier snapshot and is still there, by class:");
  text += Row({"bytes", "objects", "freed"}, "class");
  size_t shown = 0;
  for (const ClassSince& row : since.classes) {
    if (row.allocated_objects == 0 || shown++ == top) break;
    text += Row({Bytes(row.allocated_bytes), FormatCount(row.allocated_objects),
                 FormatCount(row.freed_objects)},
                row.name);
  }
  return text +
         WrapText("  In all " + Amount(since.allocated_objects, since.allocated_bytes) + " came, " +
                      Amount(since.freed_objects, since.freed_bytes) + " went, " +
                      Amount(since.kept_objects, since.kept_bytes) + " stayed.",
                  kWidth, 2) +
         "\n" + Held(since, top);
}

std::string Warnings(const HeapReport& report) {
  std::string text;
  const auto add = [&](const std::string& line) { text += WrapText(line, kWidth, 2) + "\n"; };
  for (const std::string& broken : report.broken)
    add("This report does not add up, which is a mistake of ours: " + broken + ".");
  if (!report.damage.empty())
    add("PARTIAL: " + report.damage + ". What came before holds, what comes after is not counted.");
  for (const std::string& note : report.notes) add("Note: " + note + ".");
  for (const NamedCount& loss : report.losses)
    add("Lost: " + FormatCount(loss.count) + " " + loss.name + ".");
  if (report.tree_cut_objects > 0)
    add("Note: " + FormatCount(report.tree_cut_objects) +
        " objects lie deeper than the tree of owners goes; they are counted higher up.");
  return text.empty() ? "" : "\n" + text;
}

}  // namespace

std::string HeapReportText(const HeapReport& report, const TextReportOptions& options) {
  return WrapText(report.headline, kWidth) + "\n" + AboutTheDump(report) + Totals(report) +
         Growth(report, options.top) + Since(report, options.top) + Suspects(report) +
         SpansText(report, options.top) + Owners(report, options.top) + Types(report, options.top) +
         Warnings(report);
}

}  // namespace tidemark
