#include "collect/profile_delta.h"

#include <algorithm>
#include <string>
#include <unordered_map>

namespace tidemark {
namespace {

// Addresses, inlining depth and labels of a sample; equal in two profiles of one process exactly
// when the samples mean the same.
std::string KeyOf(const Profile& profile, const Sample& sample) {
  std::string key;
  for (const uint32_t index : sample.locations) {
    const Location& location = profile.locations[index];
    key += std::to_string(location.address) + "/" + std::to_string(location.lines.size()) + ";";
  }
  for (const Label& label : sample.labels) key += label.key + "=" + label.text + ";";
  return key;
}

// Appends the tables of `from` to those of `to`; returns where its locations begin.
uint32_t AppendTables(const Profile& from, Profile* to) {
  const auto mappings = static_cast<uint32_t>(to->mappings.size());
  const auto functions = static_cast<uint32_t>(to->functions.size());
  const auto locations = static_cast<uint32_t>(to->locations.size());
  to->mappings.insert(to->mappings.end(), from.mappings.begin(), from.mappings.end());
  to->functions.insert(to->functions.end(), from.functions.begin(), from.functions.end());
  for (Location location : from.locations) {
    if (location.mapping != kNoIndex) location.mapping += mappings;
    for (Line& line : location.lines) line.function += functions;
    to->locations.push_back(std::move(location));
  }
  return locations;
}

void AddNegated(const Profile& base, const std::vector<const Sample*>& gone, Profile* delta) {
  if (gone.empty()) return;
  const uint32_t offset = AppendTables(base, delta);
  for (const Sample* sample : gone) {
    Sample negated = *sample;
    for (uint32_t& location : negated.locations) location += offset;
    for (int64_t& value : negated.values) value = -value;
    delta->samples.push_back(std::move(negated));
  }
}

bool IsZero(const Sample& sample) {
  return std::all_of(sample.values.begin(), sample.values.end(), [](int64_t v) { return v == 0; });
}

}  // namespace

Profile ProfileDelta(const Profile& now, const Profile& base) {
  Profile delta = now;
  delta.duration_ns = now.time_ns - base.time_ns;
  std::unordered_map<std::string, size_t> index;
  for (size_t i = 0; i < now.samples.size(); ++i) index[KeyOf(now, now.samples[i])] = i;
  std::vector<const Sample*> gone;
  for (const Sample& sample : base.samples) {
    const auto at = index.find(KeyOf(base, sample));
    if (at == index.end()) {
      gone.push_back(&sample);
      continue;
    }
    auto& values = delta.samples[at->second].values;
    for (size_t i = 0; i < values.size() && i < sample.values.size(); ++i) {
      values[i] -= sample.values[i];
    }
  }
  delta.samples.erase(std::remove_if(delta.samples.begin(), delta.samples.end(), IsZero),
                      delta.samples.end());
  AddNegated(base, gone, &delta);
  return delta;
}

}  // namespace tidemark
