// The older mangling, after it was demangled as C++.
#include <array>
#include <cstdint>
#include <set>
#include <utility>

#include "symbolize/rust_name.h"
#include "symbolize/rust_text.h"

namespace tidemark {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 9> kEscapes = {{
    {"SP", "@"},
    {"BP", "*"},
    {"RF", "&"},
    {"LT", "<"},
    {"GT", ">"},
    {"LP", "("},
    {"RP", ")"},
    {"C", ","},
    {"u", ""},
}};

// What stands between two '$'; false when it is no escape.
bool AppendEscape(std::string_view name, std::string* out) {
  for (const auto& [escape, text] : kEscapes) {
    if (name == escape && !text.empty()) {
      *out += text;
      return true;
    }
  }
  if (name.size() < 2 || name.size() > 7 || name[0] != 'u') return false;
  uint32_t code = 0;
  for (const char c : name.substr(1)) {
    if (!IsDigit(c) && !(c >= 'a' && c <= 'f')) return false;
    code = code << 4 | static_cast<uint32_t>(IsDigit(c) ? c - '0' : c - 'a' + 10);
  }
  if (code > 0x10FFFF) return false;
  AppendUtf8(code, out);
  return true;
}

}  // namespace

std::optional<std::string> DecodeRustLegacy(std::string_view demangled) {
  constexpr std::string_view kMark = "::h";
  constexpr size_t kDigits = 16;
  if (demangled.size() <= kMark.size() + kDigits) return std::nullopt;
  const std::string_view hash = demangled.substr(demangled.size() - kDigits);
  std::string_view name = demangled.substr(0, demangled.size() - kDigits);
  const bool is_hash = hash.find_first_not_of("0123456789abcdef") == hash.npos &&
                       std::set<char>(hash.begin(), hash.end()).size() >= 5;
  if (!is_hash || !name.ends_with(kMark)) return std::nullopt;
  name.remove_suffix(kMark.size());
  std::string out;
  for (size_t i = 0; i < name.size(); ++i) {
    const bool begins = i == 0 || name[i - 1] == ':';
    if (begins && name[i] == '_' && i + 1 < name.size() && name[i + 1] == '$') continue;
    if (name[i] == '.' && i + 1 < name.size() && name[i + 1] == '.') {
      out += "::";
      ++i;
      continue;
    }
    const size_t close = name[i] == '$' ? name.find('$', i + 1) : name.npos;
    if (close != name.npos && AppendEscape(name.substr(i + 1, close - i - 1), &out)) {
      i = close;
      continue;
    }
    out.push_back(name[i]);
  }
  return out;
}

}  // namespace tidemark
