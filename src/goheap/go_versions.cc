#include "goheap/go_versions.h"

#include <charconv>

namespace tidemark::goheap {
namespace {

// The number at the front of `text`, which moves behind it; -1: none.
int TakeNumber(std::string_view& text) {
  int number = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return -1;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return number;
}

// Experiments stand behind "X:", with commas between.
bool HasExperiment(std::string_view text, std::string_view name) {
  const size_t begin = text.find("X:");
  if (begin == std::string_view::npos) return false;
  text.remove_prefix(begin + 2);
  while (!text.empty()) {
    const size_t comma = text.find_first_of(", ");
    if (text.substr(0, comma) == name) return true;
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  return false;
}

}  // namespace

GoVersion ParseGoVersion(std::string_view text) {
  GoVersion version;
  size_t begin = text.find("go");
  if (begin != std::string_view::npos) {
    std::string_view rest = text.substr(begin + 2);
    const int major = TakeNumber(rest);
    if (major > 0 && rest.starts_with('.')) {
      rest.remove_prefix(1);
      const int minor = TakeNumber(rest);
      version = {.major = major, .minor = minor, .known = minor >= 0};
    }
  }
  if (!version.known) version = {};
  const auto since = [&version](int minor) {
    return !version.known || version.major > 1 || version.minor >= minor;
  };
  version.malloc_headers = since(22);
  version.green_tea = (since(26) && !HasExperiment(text, "nogreenteagc")) ||
                      (since(25) && HasExperiment(text, "greenteagc"));
  return version;
}

}  // namespace tidemark::goheap
