#include "cli/output.h"

#include <algorithm>
#include <cstdio>
#include <vector>

#include "base/files.h"

namespace tidemark {

int Fail(const Error& error) {
  std::fprintf(stderr, "tidemark: %s\n", error.message.c_str());
  return kExitBad;
}

Result<std::string> ReadFile(const std::string& path, size_t max_bytes) {
  return ReadWholeFile(path == "-" ? "/dev/stdin" : path, max_bytes);
}

std::string TextTable::Text() const {
  std::vector<size_t> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()), 0);
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (const auto& row : rows_) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - row[i].size(), ' ');
      const bool right = i < alignment_.size() && alignment_[i] == 'r';
      line += (i == 0 ? "" : "  ") + (right ? padding + row[i] : row[i] + padding);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

}  // namespace tidemark
