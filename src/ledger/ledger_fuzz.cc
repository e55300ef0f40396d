// The ledger reader over damage. A whole ledger is too large to mutate well, so the input is a list
// of patches laid over one that is right: 4 bytes of offset within the used parts, 1 byte of
// length, then that many bytes.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "ledger/ledger_reader.h"

namespace {

using namespace tidemark::ledger;  // NOLINT: writes the format by hand

struct Area {
  uint64_t offset;
  uint64_t bytes;
};
constexpr Area kAreas[] = {{0, sizeof(Header)},
                           {kModulesOffset, 2 * sizeof(Module)},
                           {kStacksOffset, 4 * sizeof(Stack)},
                           {kFramesOffset, 256},
                           {kLiveOffset, 8 * sizeof(LiveSample)}};

void WriteRight(uint8_t* file) {
  auto* header = reinterpret_cast<Header*>(file);
  *header = {.magic = kMagic,
             .version = kVersion,
             .header_size = sizeof(Header),
             .file_size = kFileSize,
             .modules = {kModulesOffset, kModuleCapacity, sizeof(Module)},
             .stacks = {kStacksOffset, kStackCapacity, sizeof(Stack)},
             .frames = {kFramesOffset, kFrameCapacity, sizeof(uint64_t)},
             .live = {kLiveOffset, kLiveCapacity, sizeof(LiveSample)},
             .sample_bytes = 524288,
             .modules_used = 2,
             .stacks_used = 4,
             .frames_used = 32,
             .live_used = 8};
  for (uint32_t i = 0; i < 2; ++i) {
    auto* module = reinterpret_cast<Module*>(file + kModulesOffset) + i;
    module->state = 1;
    module->limit = 4096;
  }
  for (uint32_t i = 0; i < 4; ++i) {
    reinterpret_cast<Stack*>(file + kStacksOffset)[i] = {
        .state = 1, .first_frame = i * 8, .depth = i};
  }
  for (uint32_t i = 0; i < 8; ++i) {
    reinterpret_cast<LiveSample*>(file + kLiveOffset)[i] = {
        .state = 257, .size = 64, .stack = i % 4};
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static std::vector<uint64_t> words(kFileSize / 8);
  auto* file = reinterpret_cast<uint8_t*>(words.data());
  for (const Area& area : kAreas) std::memset(file + area.offset, 0, area.bytes);
  WriteRight(file);
  while (size >= 5) {
    uint32_t offset;
    std::memcpy(&offset, data, 4);
    const size_t length = data[4] < size - 5 ? data[4] : size - 5;
    const Area& area = kAreas[offset % std::size(kAreas)];
    const uint64_t within = offset / std::size(kAreas) % area.bytes;
    const size_t fits = length < area.bytes - within ? length : area.bytes - within;
    std::memcpy(file + area.offset + within, data + 5, fits);
    data += 5 + length;
    size -= 5 + length;
  }
  const auto snapshot = tidemark::ParseLedger(file, kFileSize);
  if (!snapshot) return 0;
  for (const auto& sample : snapshot->live) {
    if (sample.stack >= snapshot->stacks.size() || !(sample.bytes > 0)) std::abort();
  }
  return 0;
}
