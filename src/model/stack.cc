#include "model/stack.h"

#include <charconv>

#include "base/hash.h"

namespace tidemark {
namespace {

std::string HexAddress(uint64_t address) {
  char text[20];
  const auto end = std::to_chars(text, text + sizeof text, address, 16).ptr;
  return "0x" + std::string(text, end);
}

}  // namespace

std::vector<FrameText> FramesOf(const Profile& profile, const Sample& sample) {
  std::vector<FrameText> frames;
  for (const uint32_t index : sample.locations) {
    const Location& location = profile.locations[index];
    const std::string module =
        location.mapping == kNoIndex ? std::string() : profile.mappings[location.mapping].file;
    if (location.lines.empty()) frames.push_back({HexAddress(location.address), "", 0, module});
    for (const Line& line : location.lines) {
      const Function& function = profile.functions[line.function];
      const std::string& name = function.name.empty() ? function.system_name : function.name;
      frames.push_back({name, function.file, line.line, module});
    }
  }
  return frames;
}

uint64_t StackIdOf(const std::vector<FrameText>& frames) {
  uint64_t id = 1;
  for (const FrameText& frame : frames) {
    id = HashCombine(Hash64(frame.function, id),
                     Hash64(frame.file, static_cast<uint64_t>(frame.line)));
  }
  return id;
}

std::string PlaceOf(const FrameText& frame) {
  if (frame.file.empty() || frame.line == 0) return frame.file;
  return frame.file + ":" + std::to_string(frame.line);
}

}  // namespace tidemark
