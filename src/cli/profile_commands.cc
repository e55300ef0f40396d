#include "cli/profile_commands.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>

#include "base/text.h"
#include "cli/profile_file.h"
#include "diagnose/cause.h"
#include "flame/flame.h"

namespace tidemark {
namespace {

namespace json = boost::json;

std::string Amount(const FlameGraph& graph, int64_t value) {
  return graph.unit == "bytes" ? FormatBytes(static_cast<double>(value)) : std::to_string(value);
}

std::string Share(int64_t part, int64_t whole) {
  if (whole == 0) return "-";
  char text[16];
  std::snprintf(text, sizeof text, "%.1f%%",
                100.0 * static_cast<double>(part) / static_cast<double>(whole));
  return text;
}

// The heaviest path below each node, from the heaviest leaf up: the stack a person should read
// first.
std::string HeaviestStack(const FlameGraph& graph) {
  int32_t heaviest = -1;
  int64_t most = 0;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const int64_t self = graph.nodes[i].self - graph.nodes[i].base_self;
    if (self > most) {
      most = self;
      heaviest = static_cast<int32_t>(i);
    }
  }
  std::vector<FrameText> frames;
  for (int32_t i = heaviest; i >= 0; i = graph.nodes[i].parent)
    frames.push_back(graph.frames[graph.nodes[i].frame]);
  if (frames.empty()) return "";
  const size_t cause = CauseIndex(frames);
  std::string out = "\nheaviest stack: " + Amount(graph, most) + "\n";
  for (size_t i = 0; i < frames.size(); ++i) {
    out += (i == cause ? "  > " : "    ") + frames[i].function;
    const std::string place = PlaceOf(frames[i]);
    out += (place.empty() ? "" : "  " + place) + "\n";
  }
  return out;
}

void PrintText(const FlameGraph& graph, const ProfileCommandOptions& options) {
  const bool diff = !options.base.empty();
  const int64_t total = graph.total - graph.base_total;
  std::printf(
      "%s %s: %s in all%s\n\n", diff ? "growth of" : "", graph.type.c_str(),
      Amount(graph, total).c_str(),
      diff ? (", from " + Amount(graph, graph.base_total) + " to " + Amount(graph, graph.total))
                 .c_str()
           : "");
  TextTable table("rrrrll");
  table.Row({"flat", "flat%", "cum", "cum%", "function", "place"});
  size_t shown = 0;
  for (const FunctionRow& row : TopFunctions(graph)) {
    const int64_t flat = row.flat - row.base_flat,
                  cumulative = row.cumulative - row.base_cumulative;
    if (shown++ == options.rows || (flat == 0 && cumulative == 0)) break;
    table.Row({Amount(graph, flat), Share(flat, total), Amount(graph, cumulative),
               Share(cumulative, total), row.frame.function, PlaceOf(row.frame)});
  }
  std::printf("%s%s", table.Text().c_str(), HeaviestStack(graph).c_str());
}

void PrintJson(const FlameGraph& graph, const ProfileCommandOptions& options) {
  json::array rows;
  for (const FunctionRow& row : TopFunctions(graph)) {
    if (rows.size() == options.rows) break;
    rows.push_back({{"function", row.frame.function},
                    {"file", row.frame.file},
                    {"line", row.frame.line},
                    {"flat", row.flat - row.base_flat},
                    {"cumulative", row.cumulative - row.base_cumulative}});
  }
  std::printf("%s\n", json::serialize(json::object{{"type", graph.type},
                                                   {"unit", graph.unit},
                                                   {"total", graph.total},
                                                   {"base_total", graph.base_total},
                                                   {"functions", std::move(rows)}})
                          .c_str());
}

int Show(const FlameGraph& graph, const ProfileCommandOptions& options) {
  options.format == OutputFormat::kJson ? PrintJson(graph, options) : PrintText(graph, options);
  const bool grew = !options.base.empty() && graph.total > graph.base_total;
  return options.check && grew ? kExitFinding : kExitFine;
}

}  // namespace

int RunTop(const ProfileCommandOptions& options) {
  const auto profile = ReadProfileFile(options.profile, options.debug_directories);
  if (!profile) return Fail(profile.error());
  const auto graph = BuildFlame(*profile, nullptr, {.type = options.type});
  return graph ? Show(*graph, options) : Fail(graph.error());
}

int RunDiff(const ProfileCommandOptions& options) {
  const auto base = ReadProfileFile(options.base, options.debug_directories);
  if (!base) return Fail(base.error());
  const auto profile = ReadProfileFile(options.profile, options.debug_directories);
  if (!profile) return Fail(profile.error());
  const auto graph = BuildFlame(*profile, &*base, {.type = options.type});
  return graph ? Show(*graph, options) : Fail(graph.error());
}

}  // namespace tidemark
