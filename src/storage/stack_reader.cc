#include "storage/stack_reader.h"

#include <algorithm>
#include <unordered_map>

namespace tidemark {

Result<std::vector<ResolvedStack>> StackReader::Read(const std::vector<uint64_t>& refs) {
  Sql sql("SELECT stack_ref, stack_id, frames FROM {table:stacks} WHERE stack_ref IN ({refs})",
          TableGroup::kProfiles, range_);
  sql.Bind("refs", refs);
  struct Named {
    std::vector<uint64_t> refs, frames;
  };
  std::map<uint64_t, Named> by_id;
  std::unordered_map<uint64_t, bool> seen;  // a ref may be listed twice
  auto read = engine_->Query(sql, {}, [&](const ColumnChunk& chunk) -> Result<void> {
    for (size_t i = 0; i < chunk.rows; ++i) {
      const uint64_t ref = chunk.UInt64(0)[i];
      if (!seen.emplace(ref, true).second) continue;
      Named& named = by_id[chunk.UInt64(1)[i]];
      named.refs.push_back(ref);
      if (named.frames.empty()) named.frames = chunk.UInt64Lists(2)[i];
    }
    return {};
  });
  if (!read) return read.error();
  std::vector<uint64_t> frame_ids;
  for (const auto& [id, named] : by_id) {
    frame_ids.insert(frame_ids.end(), named.frames.begin(), named.frames.end());
  }
  std::sort(frame_ids.begin(), frame_ids.end());
  frame_ids.erase(std::unique(frame_ids.begin(), frame_ids.end()), frame_ids.end());
  TIDEMARK_RETURN_IF_ERROR(ReadFrames(frame_ids));

  std::vector<ResolvedStack> stacks;
  stacks.reserve(by_id.size());
  for (auto& [id, named] : by_id) {
    ResolvedStack stack{id, std::move(named.refs), {}};
    for (const uint64_t frame : named.frames) {
      const auto found = location_of_frame_.find(frame);
      if (found != location_of_frame_.end()) stack.locations.push_back(found->second);
    }
    stacks.push_back(std::move(stack));
  }
  return stacks;
}

Result<void> StackReader::ReadFrames(const std::vector<uint64_t>& ids) {
  Sql sql(
      "SELECT frame_id, function, system_name, file, line, start_line, module, build_id, address "
      "FROM {table:frames} WHERE frame_id IN ({ids})",
      TableGroup::kProfiles, range_);
  sql.Bind("ids", ids);
  return engine_->Query(sql, {}, [&](const ColumnChunk& chunk) -> Result<void> {
    for (size_t i = 0; i < chunk.rows; ++i) AddFrame(chunk, i);
    return {};
  });
}

void StackReader::AddFrame(const ColumnChunk& chunk, size_t row) {
  const auto [it, added] = location_of_frame_.try_emplace(
      chunk.UInt64(0)[row], static_cast<uint32_t>(profile_->locations.size()));
  if (!added) return;
  Location location;
  const std::string& module = chunk.Bytes(6)[row];
  const std::string& build_id = chunk.Bytes(7)[row];
  if (!module.empty() || !build_id.empty()) location.mapping = MappingIndex(module, build_id);
  location.address = chunk.UInt64(8)[row];
  const Function function{chunk.Bytes(1)[row], chunk.Bytes(2)[row], chunk.Bytes(3)[row],
                          chunk.Int64(5)[row]};
  const int64_t line = chunk.Int64(4)[row];
  const bool named = !function.name.empty() || !function.system_name.empty() ||
                     !function.file.empty() || line != 0;
  if (named) location.lines.push_back({FunctionIndex(function), line});
  profile_->locations.push_back(std::move(location));
}

uint32_t StackReader::FunctionIndex(const Function& function) {
  const auto [it, added] = functions_.try_emplace(
      {function.name, function.system_name, function.file, function.start_line},
      static_cast<uint32_t>(profile_->functions.size()));
  if (added) profile_->functions.push_back(function);
  return it->second;
}

// Addresses are relative to the file, so a mapping covers the whole of it from 0.
uint32_t StackReader::MappingIndex(const std::string& file, const std::string& build_id) {
  const auto [it, added] =
      mappings_.try_emplace({file, build_id}, static_cast<uint32_t>(profile_->mappings.size()));
  if (added) profile_->mappings.push_back({0, UINT64_MAX, 0, file, build_id});
  return it->second;
}

}  // namespace tidemark
