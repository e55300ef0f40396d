#include "telemetry/allocator_state.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include <algorithm>
#include <charconv>

#include "base/time.h"

namespace tidemark::sdk {
namespace {

// The number in size="..." of the first element that begins with `element`.
std::optional<double> SizeOf(std::string_view xml, std::string_view element) {
  const size_t begin = xml.find(element);
  if (begin == xml.npos) return std::nullopt;
  const std::string_view tag = xml.substr(begin, xml.find('>', begin) - begin);
  const size_t size = tag.find("size=\"");
  if (size == tag.npos) return std::nullopt;
  uint64_t value = 0;
  const char* const end = tag.data() + tag.size();
  if (std::from_chars(tag.data() + size + 6, end, value).ec != std::errc()) return std::nullopt;
  return static_cast<double>(value);
}

uint64_t Occurrences(std::string_view text, std::string_view word) {
  uint64_t count = 0;
  for (size_t at = text.find(word); at != text.npos; at = text.find(word, at + 1)) ++count;
  return count;
}

}  // namespace

int64_t NextAllocatorLookNs(int64_t now_ns, int64_t took_ns, int64_t pause_ns) {
  constexpr int64_t kShare = 1000;
  return now_ns + (took_ns > pause_ns ? std::max(kNsPerHour, took_ns) : took_ns * kShare);
}

std::optional<AllocatorState> ParseMallocInfo(std::string_view xml) {
  const size_t last_arena = xml.rfind("</heap>");
  if (last_arena == xml.npos) return std::nullopt;
  const std::string_view totals = xml.substr(last_arena);
  const auto fast = SizeOf(totals, "<total type=\"fast\"");
  const auto rest = SizeOf(totals, "<total type=\"rest\"");
  const auto mmapped = SizeOf(totals, "<total type=\"mmap\"");
  const auto arenas = SizeOf(totals, "<system type=\"current\"");
  if (!fast || !rest || !mmapped || !arenas || *arenas + *mmapped < *fast + *rest) {
    return std::nullopt;
  }
  return AllocatorState{*arenas + *mmapped, *fast + *rest, *mmapped, Occurrences(xml, "<heap nr=")};
}

std::optional<AllocatorState> ReadAllocator() {
  char* text = nullptr;
  size_t size = 0;
  FILE* stream = open_memstream(&text, &size);
  if (stream == nullptr) return std::nullopt;
  const bool written = malloc_info(0, stream) == 0;
  fclose(stream);
  std::optional<AllocatorState> state;
  if (written) state = ParseMallocInfo({text, size});
  free(text);
  if (state && state->held_bytes == 0) return std::nullopt;
  return state;
}

}  // namespace tidemark::sdk
