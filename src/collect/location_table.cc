#include "collect/location_table.h"

#include <algorithm>
#include <numeric>

#include "collect/allocator_frames.h"

namespace tidemark {
namespace {

std::string Hex(const std::string& bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const unsigned char byte : bytes) {
    out.push_back(kDigits[byte >> 4]);
    out.push_back(kDigits[byte & 15]);
  }
  return out;
}

}  // namespace

LocationTable::LocationTable(const LedgerSnapshot& ledger, std::string root, Symbolizer* symbolizer,
                             Profile* profile)
    : root_(std::move(root)),
      perf_map_path_(root_ + "/tmp/perf-" + std::to_string(ledger.header.pid) + ".map"),
      start_ns_(ledger.header.start_unix_ns),
      symbolizer_(symbolizer),
      profile_(profile),
      modules_(ledger.modules) {
  std::stable_sort(modules_.begin(), modules_.end(), [&](const auto& a, const auto& b) {
    return (a.path == ledger.header.exe_path) > (b.path == ledger.header.exe_path);
  });
  for (const LedgerModule& module : modules_) {
    profile_->mappings.push_back(
        {module.start, module.limit, module.file_offset, module.path, Hex(module.build_id)});
  }
  by_address_.resize(modules_.size());
  std::iota(by_address_.begin(), by_address_.end(), 0);
  // Of two that began at one address the one still mapped comes last and is found first.
  std::stable_sort(by_address_.begin(), by_address_.end(), [&](uint32_t a, uint32_t b) {
    if (modules_[a].start != modules_[b].start) return modules_[a].start < modules_[b].start;
    return modules_[a].unloaded && !modules_[b].unloaded;
  });
}

uint32_t LocationTable::MappingOf(uint64_t address) const {
  auto next = std::upper_bound(
      by_address_.begin(), by_address_.end(), address,
      [&](uint64_t wanted, uint32_t index) { return wanted < modules_[index].start; });
  // Mappings overlap only where one took the place of an unloaded one: few steps back suffice.
  for (int step = 0; step < 8 && next != by_address_.begin(); ++step) {
    --next;
    if (address < modules_[*next].limit) return *next;
  }
  return kNoIndex;
}

ModuleRef LocationTable::RefOf(uint32_t mapping) const {
  return {modules_[mapping].path, profile_->mappings[mapping].build_id, root_};
}

const std::vector<SymbolFrame>& LocationTable::FramesOf(uint64_t address, uint32_t mapping) {
  const auto known = frames_.find(address);
  if (known != frames_.end()) return known->second;
  std::vector<SymbolFrame> frames;
  if (mapping != kNoIndex) {
    const LedgerModule& module = modules_[mapping];
    frames = symbolizer_->Frames(RefOf(mapping), address - module.start + module.file_offset);
  } else {
    if (!perf_map_) perf_map_ = PerfMap::Read(perf_map_path_, start_ns_);
    frames = perf_map_->Frames(address - 1);  // in the call before
  }
  return frames_.emplace(address, std::move(frames)).first->second;
}

uint32_t LocationTable::Function(const SymbolFrame& frame) {
  const auto [at, added] = functions_.try_emplace({frame.system_name, frame.file, frame.start_line},
                                                  profile_->functions.size());
  if (added) {
    profile_->functions.push_back(
        {frame.function, frame.system_name, frame.file, frame.start_line});
  }
  return at->second;
}

uint32_t LocationTable::Location(uint64_t address, size_t skip) {
  const auto [at, added] = locations_.try_emplace({address, skip}, profile_->locations.size());
  if (!added) return at->second;
  tidemark::Location location{.mapping = MappingOf(address), .address = address};
  const auto& frames = FramesOf(address, location.mapping);
  for (size_t i = skip; i < frames.size(); ++i) {
    location.lines.push_back({Function(frames[i]), frames[i].line});
  }
  profile_->locations.push_back(std::move(location));
  return at->second;
}

std::vector<uint32_t> LocationTable::Locations(const LedgerStack& stack) {
  std::vector<uint32_t> out;
  size_t first = 0, skip = 0;
  for (bool plumbing = true; plumbing && first < stack.frames.size();) {
    const uint64_t address = stack.frames[first];
    const auto& frames = FramesOf(address, MappingOf(address));
    skip = LeadingPlumbing(frames);
    plumbing = !frames.empty() && skip == frames.size();
    if (plumbing) ++first;
  }
  if (first == stack.frames.size()) first = skip = 0;
  for (size_t i = first; i < stack.frames.size(); ++i) {
    out.push_back(Location(stack.frames[i], i == first ? skip : 0));
  }
  if (out.empty()) {
    const auto [at, added] = locations_.try_emplace({0, 0}, profile_->locations.size());
    if (added) {
      const uint32_t function = Function({"[stack not recorded]", "[stack not recorded]"});
      profile_->locations.push_back({.lines = {{function, 0}}});
    }
    out.push_back(at->second);
  }
  return out;
}

std::vector<std::string> LocationTable::Unreadable() const {
  std::vector<bool> met(modules_.size());
  for (const tidemark::Location& location : profile_->locations) {
    if (location.mapping != kNoIndex) met[location.mapping] = true;
  }
  std::vector<std::string> out;
  for (size_t i = 0; i < modules_.size(); ++i) {
    if (!met[i]) continue;
    const auto status = symbolizer_->ModuleStatus(RefOf(static_cast<uint32_t>(i)));
    if (!status) out.push_back(status.error().message);
  }
  return out;
}

}  // namespace tidemark
