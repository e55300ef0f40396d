#include "collect/process_gauges.h"

#include <unistd.h>

#include <charconv>
#include <fstream>

namespace tidemark {
namespace {

std::string FirstLineOf(const std::string& path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  return line;
}

std::optional<int64_t> Number(const std::string& text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end == text.data() || value < 0) return std::nullopt;
  return value;
}

}  // namespace

std::optional<int64_t> ResidentBytes(uint64_t pid) {
  const std::string line = FirstLineOf("/proc/" + std::to_string(pid) + "/statm");
  const size_t space = line.find(' ');
  if (space == std::string::npos) return std::nullopt;
  const auto pages = Number(line.substr(space + 1));
  if (!pages) return std::nullopt;
  return *pages * sysconf(_SC_PAGESIZE);
}

}  // namespace tidemark
