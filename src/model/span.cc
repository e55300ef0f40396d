#include "model/span.h"

namespace tidemark {
namespace {

void AppendHex(uint64_t value, std::string* out) {
  for (int shift = 60; shift >= 0; shift -= 4)
    out->push_back("0123456789abcdef"[value >> shift & 15]);
}

// Reads 16 hex digits at `pos`.
bool ReadHex(const std::string& text, size_t pos, uint64_t* value) {
  *value = 0;
  for (size_t i = pos; i < pos + 16; ++i) {
    const char c = text[i];
    int digit = 0;
    if (c >= '0' && c <= '9')
      digit = c - '0';
    else if (c >= 'a' && c <= 'f')
      digit = c - 'a' + 10;
    else if (c >= 'A' && c <= 'F')
      digit = c - 'A' + 10;
    else
      return false;
    *value = *value << 4 | static_cast<uint64_t>(digit);
  }
  return true;
}

}  // namespace

std::string ToHex(TraceId id) {
  std::string out;
  AppendHex(id.high, &out);
  AppendHex(id.low, &out);
  return out;
}

std::string ToHex(SpanId id) {
  std::string out;
  AppendHex(static_cast<uint64_t>(id), &out);
  return out;
}

bool FromHex(const std::string& hex, TraceId* id) {
  return hex.size() == 32 && ReadHex(hex, 0, &id->high) && ReadHex(hex, 16, &id->low);
}

bool FromHex(const std::string& hex, SpanId* id) {
  uint64_t value = 0;
  if (hex.size() != 16 || !ReadHex(hex, 0, &value)) return false;
  *id = SpanId{value};
  return true;
}

}  // namespace tidemark
