#include "symbolize/rust_text.h"

#include <array>
#include <vector>

namespace tidemark {

void AppendUtf8(uint32_t code, std::string* out) {
  if (code < 0x80) {
    out->push_back(static_cast<char>(code));
    return;
  }
  const int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  constexpr std::array<uint32_t, 4> kLead = {0, 0xC0, 0xE0, 0xF0};
  out->push_back(static_cast<char>(kLead[static_cast<size_t>(more)] | (code >> (6 * more))));
  for (int i = more - 1; i >= 0; --i) {
    out->push_back(static_cast<char>(0x80 | ((code >> (6 * i)) & 0x3F)));
  }
}

bool DecodePunycode(std::string_view text, std::string* out) {
  constexpr uint32_t kBase = 36, kMin = 1, kMax = 26, kSkew = 38, kDamp = 700;
  const size_t split = text.rfind('_');
  std::vector<uint32_t> codes;
  if (split != text.npos) {
    for (const char c : text.substr(0, split)) codes.push_back(static_cast<unsigned char>(c));
    text.remove_prefix(split + 1);
  }
  uint32_t code = 128, index = 0, bias = 72;
  for (bool first = true; !text.empty(); first = false) {
    const uint32_t before = index;
    uint32_t weight = 1;
    for (uint32_t k = kBase;; k += kBase) {
      if (text.empty()) return false;
      const char c = text.front();
      text.remove_prefix(1);
      if (!IsLower(c) && !IsDigit(c)) return false;
      const auto digit = static_cast<uint32_t>(IsLower(c) ? c - 'a' : c - '0' + 26);
      if (digit > (UINT32_MAX - index) / weight) return false;
      index += digit * weight;
      const uint32_t threshold = k <= bias ? kMin : k >= bias + kMax ? kMax : k - bias;
      if (digit < threshold) break;
      if (weight > UINT32_MAX / (kBase - threshold)) return false;
      weight *= kBase - threshold;
    }
    const auto count = static_cast<uint32_t>(codes.size() + 1);
    uint32_t delta = first ? (index - before) / kDamp : (index - before) / 2;
    delta += delta / count;
    uint32_t k = 0;
    for (; delta > (kBase - kMin) * kMax / 2; k += kBase) delta /= kBase - kMin;
    bias = k + (kBase - kMin + 1) * delta / (delta + kSkew);
    code += index / count;
    index %= count;
    if (code > 0x10FFFF || codes.size() > 256) return false;
    codes.insert(codes.begin() + index++, code);
  }
  for (const uint32_t each : codes) AppendUtf8(each, out);
  return true;
}

}  // namespace tidemark
