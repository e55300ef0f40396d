#include "model/profile.h"

#include "base/saturate.h"

namespace tidemark {

uint32_t Profile::TypeIndex(std::string_view type) const {
  for (uint32_t i = 0; i < sample_types.size(); ++i) {
    if (sample_types[i].type == type) return i;
  }
  if (type == "inuse_space") return TypeIndex("space");
  if (type == "inuse_objects") return TypeIndex("objects");
  return kNoIndex;
}

int64_t Profile::Total(uint32_t type_index) const {
  int64_t total = 0;
  for (const Sample& sample : samples) total = SaturatingAdd(total, sample.values[type_index]);
  return total;
}

Result<void> Validate(const Profile& profile) {
  for (size_t i = 0; i < profile.samples.size(); ++i) {
    const Sample& sample = profile.samples[i];
    if (sample.values.size() != profile.sample_types.size()) {
      return InvalidArgument("sample " + std::to_string(i) + " has " +
                             std::to_string(sample.values.size()) + " values for " +
                             std::to_string(profile.sample_types.size()) + " sample types");
    }
    for (const uint32_t location : sample.locations) {
      if (location >= profile.locations.size()) {
        return InvalidArgument("sample " + std::to_string(i) + " names location " +
                               std::to_string(location) + " of " +
                               std::to_string(profile.locations.size()));
      }
    }
  }
  for (size_t i = 0; i < profile.locations.size(); ++i) {
    const Location& location = profile.locations[i];
    if (location.mapping != kNoIndex && location.mapping >= profile.mappings.size()) {
      return InvalidArgument("location " + std::to_string(i) + " names mapping " +
                             std::to_string(location.mapping) + " of " +
                             std::to_string(profile.mappings.size()));
    }
    for (const Line& line : location.lines) {
      if (line.function >= profile.functions.size()) {
        return InvalidArgument("location " + std::to_string(i) + " names function " +
                               std::to_string(line.function) + " of " +
                               std::to_string(profile.functions.size()));
      }
    }
  }
  return {};
}

}  // namespace tidemark
