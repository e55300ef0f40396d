#include "diagnose/summary.h"

#include <array>
#include <cmath>
#include <cstdio>

#include "base/text.h"
#include "base/time.h"

namespace tidemark {
namespace {

constexpr size_t kShownFrames = 8;
constexpr size_t kShownTraces = 3;

template <typename... Args>
std::string Format(const char* format, Args... args) {
  std::array<char, 512> text;
  const int length = std::snprintf(text.data(), text.size(), format, args...);
  return std::string(text.data(), std::min<size_t>(std::max(length, 0), text.size() - 1));
}

std::string Percent(double share) { return Format("%.0f %%", share * 100); }

std::string VersionsOf(const Incident& incident) {
  std::string out;
  for (const std::string& version : incident.versions) {
    if (!version.empty()) out += (out.empty() ? "" : ", ") + version;
  }
  return out;
}

std::string NameOf(const Incident& incident) {
  const std::string versions = VersionsOf(incident);
  return incident.service + (versions.empty() ? "" : " " + versions);
}

std::string StackLines(const StackEvidence& stack) {
  std::string out;
  size_t shown = 0;
  for (const FrameText& frame : stack.frames) {
    if (shown++ == kShownFrames) {
      out += Format("             ... %zu more frames\n", stack.frames.size() - kShownFrames);
      break;
    }
    const std::string place = PlaceOf(frame);
    out += "             " + frame.function + (place.empty() ? "" : "  " + place) + "\n";
  }
  return out;
}

std::string RouteLines(const Evidence& evidence) {
  std::string out;
  for (const RouteEvidence& route : evidence.routes) {
    if (route.growth_share < 0.01) continue;
    out += "  route      " + route.route + ": " + Percent(route.growth_share) + " of it";
    if (route.bytes_per_request > 0)
      out += ", " + FormatBytes(route.bytes_per_request) + " kept a request";
    if (route.survivor_bytes > 0)
      out += ", " + FormatBytes(double(route.survivor_bytes)) + " outlive their span";
    out += " (by " + route.method + ")\n";
  }
  size_t shown = 0;
  for (const TraceEvidence& trace : evidence.traces) {
    if (shown++ == kShownTraces) break;
    out += "  trace      " + ToHex(trace.trace_id);
    if (!trace.route.empty()) out += "  " + trace.route;
    if (trace.bytes > 0) out += "  holds about " + FormatBytes(double(trace.bytes));
    out += trace.ended ? ", ended\n" : "\n";
  }
  return out;
}

}  // namespace

std::string Summarize(const Incident& incident) {
  std::string out = NameOf(incident) + " grows by " +
                    FormatBytes(incident.growth_bytes_per_hour.value) + " an hour" +
                    (incident.instances.size() > 1
                         ? " on each of " + std::to_string(incident.instances.size()) + " instances"
                         : "");
  const Evidence& evidence = incident.evidence;
  if (!evidence.stacks.empty() && !evidence.stacks[0].cause.empty()) {
    const StackEvidence& stack = evidence.stacks[0];
    out += ": " + Percent(stack.growth_share) + " of the growth is allocated in " + stack.cause;
    if (!stack.cause_file.empty())
      out += " (" + PlaceOf({"", stack.cause_file, stack.cause_line, ""}) + ")";
  }
  if (!evidence.routes.empty()) {
    const RouteEvidence& route = evidence.routes[0];
    out += route.method == "stack"
               ? ", by its name for " + route.route
               : ", " + Percent(route.growth_share) + " of that for " + route.route;
  }
  return out + ".";
}

std::string DescribeForTerminal(const Incident& incident) {
  const Estimate& growth = incident.growth_bytes_per_hour;
  std::string out =
      (incident.state == IncidentState::kOpen ? "LEAK  " : "RESOLVED  ") + incident.summary + "\n";
  out += "  growth     " + FormatBytes(growth.value) + "/h per instance (" +
         FormatBytes(growth.low) + " to " + FormatBytes(growth.high) + "), " +
         FormatBytes(incident.total_growth_bytes_per_hour.value) + "/h in all, confidence " +
         Percent(incident.confidence) + "\n";
  out += "  since      " + FormatRfc3339(incident.onset_ns) + ", found " +
         FormatSpanOfTime(incident.detected_ns - incident.onset_ns) + " later, incident " +
         incident.id + "\n";
  if (incident.oom_eta_ns != 0) {
    out += "  limit      reached in " +
           FormatSpanOfTime(incident.oom_eta_ns - incident.updated_ns) + ", at " +
           FormatRfc3339(incident.oom_eta_ns) + "\n";
  } else {
    out += "  limit      none known\n";
  }
  out += Format("  cost       %.2f USD a month for a day's growth\n", incident.monthly_cost_usd);
  const Evidence& evidence = incident.evidence;
  if (evidence.deploy) {
    out += "  deploy     version " + evidence.deploy->version + " first seen " +
           FormatRfc3339(evidence.deploy->time_ns) + "\n";
  }
  if (!evidence.stacks.empty()) {
    const StackEvidence& stack = evidence.stacks[0];
    out += "  stack      " + FormatBytes(double(stack.inuse_bytes)) + " in " +
           std::to_string(stack.inuse_objects) + " objects, " + Percent(stack.retained_share) +
           " of what it allocated is still there\n" + StackLines(stack);
  }
  out += RouteLines(evidence);
  for (const CaptureRef& capture : evidence.captures) {
    out += "  capture    " + capture.file + "  (" + capture.role + ", " + capture.instance + ")\n";
  }
  if (!evidence.heap_dumps.empty() && !evidence.heap_dumps.back().headline.empty())
    out += "  heap dump  " + evidence.heap_dumps.back().headline + "\n";
  for (const std::string& path : evidence.retention) out += "  held by    " + path + "\n";
  return out;
}

}  // namespace tidemark
