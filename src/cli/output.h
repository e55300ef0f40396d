// What every command shares: output format, exit codes, and how an error looks.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace tidemark {

enum class OutputFormat { kText, kJson };

inline constexpr int kExitFine = 0;
inline constexpr int kExitFinding = 1;  // in --check mode: something was found
inline constexpr int kExitBad = 2;      // bad usage or input

// Prints "tidemark: MESSAGE" to standard error and returns kExitBad.
int Fail(const Error& error);

// The whole of a file, or of standard input for "-". Errors: not found, i/o, too large; each names
// the path.
Result<std::string> ReadFile(const std::string& path, size_t max_bytes);

// A table: columns are as wide as their widest cell, `alignment` has one letter
// per column: 'l' or 'r'.
class TextTable {
 public:
  explicit TextTable(std::string alignment) : alignment_(std::move(alignment)) {}
  void Row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  std::string Text() const;

 private:
  const std::string alignment_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace tidemark
