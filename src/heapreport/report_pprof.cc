#include "heapreport/report_pprof.h"

#include <unordered_map>

namespace tidemark {

Profile HeapReportProfile(const HeapReport& report) {
  Profile profile;
  profile.sample_types = {{"inuse_objects", "count"}, {"inuse_space", "bytes"}};
  profile.default_sample_type = "inuse_space";
  profile.time_ns = report.time_ns;
  profile.comments = {report.headline,
                      "who holds the heap: tidemark heap --format pprof " + report.file};
  std::unordered_map<std::string, uint32_t> locations;  // by name; each has one function
  const auto location = [&](const std::string& name, const std::string& kind) {
    const auto next = static_cast<uint32_t>(profile.locations.size());
    const auto [found, is_new] = locations.try_emplace(name, next);
    if (is_new) {
      profile.functions.push_back({.name = name, .system_name = name, .file = kind});
      profile.locations.push_back({.lines = {{.function = next}}});
    }
    return found->second;
  };
  std::vector<uint32_t> location_of;
  for (const ReportNode& node : report.tree) {
    const bool others = node.kind == "others";
    location_of.push_back(location(others ? "(smaller ones)" : node.name, node.kind));
  }
  for (uint32_t i = 0; i < report.tree.size(); ++i) {
    const ReportNode& node = report.tree[i];
    if (node.objects == 0 && node.bytes == 0) continue;
    Sample sample;
    for (uint32_t at = i; at != 0; at = report.tree[at].parent)
      sample.locations.push_back(location_of[at]);
    sample.locations.push_back(location_of[0]);
    sample.values = {static_cast<int64_t>(node.objects), static_cast<int64_t>(node.bytes)};
    profile.samples.push_back(std::move(sample));
  }
  return profile;
}

}  // namespace tidemark
