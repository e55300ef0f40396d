// From refs of stacks to frames: fills a profile's locations, functions and mappings.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "model/profile.h"
#include "storage/engine.h"

namespace tidemark {

// One stack, whichever partitions and refs it came from.
struct ResolvedStack {
  uint64_t stack_id = 0;
  std::vector<uint64_t> refs;
  std::vector<uint32_t> locations;  // into the profile, leaf first
};

class StackReader {
 public:
  // `profile` is filled; it must outlive the reader.
  StackReader(Engine* engine, TimeRange range, Profile* profile)
      : engine_(engine), range_(range), profile_(profile) {}

  // Stacks in the order of their ids. A ref without a name (its partition has just been dropped) is
  // left out.
  Result<std::vector<ResolvedStack>> Read(const std::vector<uint64_t>& refs);

 private:
  Result<void> ReadFrames(const std::vector<uint64_t>& ids);
  void AddFrame(const ColumnChunk& chunk, size_t row);
  uint32_t FunctionIndex(const Function& function);
  uint32_t MappingIndex(const std::string& file, const std::string& build_id);

  Engine* engine_;
  TimeRange range_;
  Profile* profile_;
  std::map<uint64_t, uint32_t> location_of_frame_;
  std::map<std::tuple<std::string, std::string, std::string, int64_t>, uint32_t> functions_;
  std::map<std::pair<std::string, std::string>, uint32_t> mappings_;
};

}  // namespace tidemark
