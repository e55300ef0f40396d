#include "heapdump/dump_format.h"

#include <algorithm>
#include <cstdio>
#include <string_view>

namespace tidemark {
namespace {

constexpr size_t kShownBytes = 16;

bool IsElfCore(std::string_view text) {
  constexpr size_t kType = 16;  // e_type, little-endian
  constexpr char kCore = 4;     // ET_CORE
  return text.starts_with(
             "\x7f"
             "ELF") &&
         text.size() > kType + 1 && text[kType] == kCore && text[kType + 1] == 0;
}

// {"snapshot":{"meta": ..., with what white space there may be.
bool IsV8Snapshot(std::string_view text) {
  constexpr std::string_view kStart = "{\"snapshot\":";
  size_t matched = 0;
  for (const char c : text) {
    if (c == ' ' || c == '\n' || c == '\r' || c == '\t') continue;
    if (c != kStart[matched]) return false;
    if (++matched == kStart.size()) return true;
  }
  return false;
}

}  // namespace

std::optional<DumpFormat> DetectDumpFormat(std::span<const std::byte> beginning) {
  const std::string_view text(reinterpret_cast<const char*>(beginning.data()), beginning.size());
  if (text.starts_with("go1.7 heap dump\n")) return DumpFormat::kGoDump;
  if (text.starts_with("JAVA PROFILE 1.0.")) return DumpFormat::kHprof;
  if (text.starts_with("TMHGRAPH")) return DumpFormat::kGraphFile;
  if (IsElfCore(text)) return DumpFormat::kGoCore;
  if (IsV8Snapshot(text)) return DumpFormat::kV8Snapshot;
  return std::nullopt;
}

std::string UnknownDumpMessage(std::span<const std::byte> beginning) {
  if (beginning.empty()) return "is empty";
  std::string hex, text;
  for (const std::byte byte : beginning.first(std::min(beginning.size(), kShownBytes))) {
    char digits[4];
    std::snprintf(digits, sizeof digits, "%02x ", std::to_integer<unsigned>(byte));
    hex += digits;
    const char c = static_cast<char>(byte);
    text += c >= 0x20 && c < 0x7f ? c : '.';
  }
  return "is no heap dump that is known: it begins with " + hex + "(\"" + text +
         "\"); known are Go heap dumps (debug.WriteHeapDump), Go core files, HPROF of the JVM, "
         ".heapsnapshot of V8 and Node, and what tidemark shrink and tidemark snapshot write, each "
         "of them gzipped or not";
}

}  // namespace tidemark
