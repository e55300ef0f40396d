#include "collect/report.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cmath>
#include <cstdio>

#include "base/text.h"
#include "base/time.h"
#include "symbolize/symbol_name.h"

namespace tidemark {
namespace {

constexpr size_t kFunctionWidth = 60;

template <typename... Args>
std::string Printf(const char* format, Args... args) {
  std::array<char, 512> text;
  std::snprintf(text.data(), text.size(), format, args...);
  return text.data();
}

double Percent(int64_t part, int64_t whole) {
  return whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

std::string BaseName(const std::string& path) { return path.substr(path.rfind('/') + 1); }

// "shop::Keep  /src/shop.cc:12", or the module where no line is known.
std::string FrameLine(const FrameText& frame) {
  const std::string place = PlaceOf(frame);
  return WithShortTemplates(frame.function, kFunctionWidth) + "  " +
         (place.empty() ? BaseName(frame.module) : place);
}

void AppendFrames(const StackTotal& stack, size_t max_frames, std::string* out) {
  const size_t shown = std::min(max_frames, stack.frames.size());
  for (size_t i = 0; i < shown; ++i) {
    *out += (i == 0 ? "      " : "        ") + FrameLine(stack.frames[i]) + "\n";
  }
  if (shown < stack.frames.size()) {
    *out += "        ... " + std::to_string(stack.frames.size() - shown) + " more\n";
  }
}

std::string Head(const HeapSummary& summary, const ReportOptions& options) {
  std::string out;
  if (!options.title.empty()) out += "Heap of " + options.title + "\n";
  out += "  live " + FormatBytes(static_cast<double>(summary.inuse_bytes)) + " in " +
         std::to_string(summary.inuse_objects) + " objects";
  if (options.sigma_bytes > 0 && summary.inuse_bytes > 0) {
    out += Printf(" +- %.1f %% (one standard error of sampling)",
                  100.0 * options.sigma_bytes / static_cast<double>(summary.inuse_bytes));
  }
  out += "; allocated in all " + FormatBytes(static_cast<double>(summary.alloc_bytes)) + "\n";
  for (const std::string& loss : summary.losses) out += "  lost: " + loss + "\n";
  return out;
}

// "+- 4 %" at one standard error, "" where nothing is estimated.
std::string ErrorText(const StackTotal& stack) {
  if (stack.sigma_bytes <= 0 || stack.inuse_bytes <= 0) return "";
  return Printf(" +- %.1f %%", 100 * stack.sigma_bytes / static_cast<double>(stack.inuse_bytes));
}

// Ages are known as powers of two of a second.
std::string AgeText(const StackTotal& stack) {
  if (stack.median_age_s < 0) return "";
  const auto text = [](int64_t seconds) {
    return seconds == 0 ? std::string("0 s") : FormatSpanOfTime(seconds * kNsPerSecond);
  };
  if (stack.median_age_s == stack.oldest_age_s) return "  older than " + text(stack.oldest_age_s);
  return "  half older than " + text(stack.median_age_s) + ", oldest " + text(stack.oldest_age_s);
}

std::string FormatText(const HeapSummary& summary, const ReportOptions& options) {
  std::string out = Head(summary, options);
  if (!summary.heaviest.empty()) {
    out += "\nHeaviest stacks (" + std::to_string(summary.heaviest.size()) + " of " +
           std::to_string(summary.stacks) + ")\n";
  }
  for (const StackTotal& stack : summary.heaviest) {
    out += Printf("  %s%s  %.1f %%  %lld objects%s\n",
                  FormatBytes(static_cast<double>(stack.inuse_bytes)).c_str(),
                  ErrorText(stack).c_str(), Percent(stack.inuse_bytes, summary.inuse_bytes),
                  static_cast<long long>(stack.inuse_objects), AgeText(stack).c_str());
    out += "      allocated in all " + FormatBytes(static_cast<double>(stack.alloc_bytes)) + "\n";
    AppendFrames(stack, options.max_frames, &out);
  }
  if (!summary.growing.empty()) {
    out += "\nGrowing most since " + FormatRfc3339(summary.since_ns) + "\n";
  }
  for (const StackTotal& stack : summary.growing) {
    out += "  +" + FormatBytes(static_cast<double>(stack.growth_bytes)) + "  now " +
           FormatBytes(static_cast<double>(stack.inuse_bytes)) + "  " +
           FrameLine(stack.frames.front()) + "\n";
  }
  if (!summary.spans.empty()) {
    out += Printf("\nLive bytes by span (%.1f %% of all were allocated inside one)\n",
                  Percent(summary.with_span_bytes, summary.inuse_bytes));
  }
  for (const SpanTotal& span : summary.spans) {
    out += "  " + FormatBytes(static_cast<double>(span.inuse_bytes)) + "  trace " + span.trace_id +
           "  span " + span.span_id + "\n";
  }
  return out;
}

boost::json::value AgeValue(int64_t seconds) {
  return seconds < 0 ? boost::json::value(nullptr) : boost::json::value(seconds);
}

boost::json::array JsonStacks(const std::vector<StackTotal>& stacks) {
  boost::json::array out;
  for (const StackTotal& stack : stacks) {
    boost::json::array frames;
    for (const FrameText& frame : stack.frames) {
      frames.push_back({{"function", frame.function},
                        {"file", frame.file},
                        {"line", frame.line},
                        {"module", frame.module}});
    }
    out.push_back({{"inuse_bytes", stack.inuse_bytes},
                   {"inuse_objects", stack.inuse_objects},
                   {"alloc_bytes", stack.alloc_bytes},
                   {"growth_bytes", stack.growth_bytes},
                   {"sigma_bytes", std::llround(stack.sigma_bytes)},
                   {"median_age_s", AgeValue(stack.median_age_s)},
                   {"oldest_age_s", AgeValue(stack.oldest_age_s)},
                   {"frames", std::move(frames)}});
  }
  return out;
}

std::string FormatJson(const Profile& profile, const HeapSummary& summary,
                       const ReportOptions& options) {
  boost::json::array spans, comments;
  for (const SpanTotal& span : summary.spans) {
    spans.push_back({{"trace_id", span.trace_id},
                     {"span_id", span.span_id},
                     {"inuse_bytes", span.inuse_bytes},
                     {"inuse_objects", span.inuse_objects}});
  }
  for (const std::string& comment : profile.comments) comments.emplace_back(comment);
  const boost::json::object report = {{"title", options.title},
                                      {"time", FormatRfc3339(profile.time_ns)},
                                      {"inuse_bytes", summary.inuse_bytes},
                                      {"inuse_objects", summary.inuse_objects},
                                      {"alloc_bytes", summary.alloc_bytes},
                                      {"sigma_bytes", std::llround(options.sigma_bytes)},
                                      {"stacks", summary.stacks},
                                      {"losses", boost::json::value_from(summary.losses)},
                                      {"heaviest", JsonStacks(summary.heaviest)},
                                      {"growing", JsonStacks(summary.growing)},
                                      {"spans", std::move(spans)},
                                      {"comments", std::move(comments)}};
  return boost::json::serialize(report) + "\n";
}

}  // namespace

std::string FormatReport(const Profile& now, const Profile* before, const ReportOptions& options,
                         ReportFormat format) {
  const HeapSummary summary = Summarize(now, before, options);
  return format == ReportFormat::kJson ? FormatJson(now, summary, options)
                                       : FormatText(summary, options);
}

}  // namespace tidemark
