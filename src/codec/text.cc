#include "codec/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>

namespace tidemark::codec {
namespace {

constexpr char kBase64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

// Number of leading ASCII bytes.
size_t AsciiPrefix(std::string_view bytes) {
  size_t i = 0;
  for (; i + 8 <= bytes.size(); i += 8) {
    uint64_t word;
    std::memcpy(&word, bytes.data() + i, 8);
    if (word & 0x8080808080808080u) break;
  }
  while (i < bytes.size() && static_cast<unsigned char>(bytes[i]) < 0x80) ++i;
  return i;
}

// Range of the second byte of a sequence (Unicode standard, table 3-7): it keeps out overlong
// forms, surrogates and code points above U+10FFFF.
struct Lead {
  int length;
  unsigned char low, high;
};

Lead LeadOf(unsigned char c) {
  if (c >= 0xC2 && c <= 0xDF) return {2, 0x80, 0xBF};
  if (c == 0xE0) return {3, 0xA0, 0xBF};
  if (c == 0xED) return {3, 0x80, 0x9F};
  if (c >= 0xE1 && c <= 0xEF) return {3, 0x80, 0xBF};
  if (c == 0xF0) return {4, 0x90, 0xBF};
  if (c >= 0xF1 && c <= 0xF3) return {4, 0x80, 0xBF};
  if (c == 0xF4) return {4, 0x80, 0x8F};
  return {0, 0, 0};
}

// Length of the well-formed sequence at `pos`; else 0 and *bad is the length of the ill-formed
// part, at least 1.
size_t SequenceAt(std::string_view bytes, size_t pos, size_t* bad) {
  const Lead lead = LeadOf(static_cast<unsigned char>(bytes[pos]));
  *bad = 1;
  if (lead.length == 0) return 0;
  for (int i = 1; i < lead.length; ++i) {
    if (pos + static_cast<size_t>(i) >= bytes.size()) return 0;
    const auto c = static_cast<unsigned char>(bytes[pos + static_cast<size_t>(i)]);
    const unsigned char low = i == 1 ? lead.low : 0x80;
    const unsigned char high = i == 1 ? lead.high : 0xBF;
    if (c < low || c > high) return 0;
    *bad = static_cast<size_t>(i) + 1;
  }
  return static_cast<size_t>(lead.length);
}

// Value of a hex digit, or -1.
int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Value of a base64 letter, or -1.
constexpr std::array<int8_t, 256> kBase64Values = [] {
  std::array<int8_t, 256> values{};
  for (int8_t& value : values) value = -1;
  for (int i = 0; i < 64; ++i)
    values[static_cast<unsigned char>(kBase64[i])] = static_cast<int8_t>(i);
  values['-'] = 62;
  values['_'] = 63;
  return values;
}();

}  // namespace

void AppendUtf8(std::string_view bytes, std::string* out) {
  size_t pos = AsciiPrefix(bytes);
  size_t copied = 0;  // [copied, pos) is well-formed and not yet in `out`
  while (pos < bytes.size()) {
    size_t bad = 0;
    const size_t length =
        static_cast<unsigned char>(bytes[pos]) < 0x80 ? 1 : SequenceAt(bytes, pos, &bad);
    if (length != 0) {
      pos += length;
      continue;
    }
    out->append(bytes.substr(copied, pos - copied));
    out->append(kReplacement);
    pos += bad;
    copied = pos;
  }
  out->append(bytes.substr(copied));
}

std::string Utf8(std::string_view bytes, size_t max_bytes, bool* cut) {
  std::string out;
  // A replacement is longer than what it replaces, so both the input and the result are measured.
  const bool too_long = bytes.size() > max_bytes;
  if (too_long) bytes = bytes.substr(0, max_bytes);
  if (too_long) {
    // A sequence that the cut has split goes as a whole.
    const size_t size = bytes.size();
    for (size_t tail = 1; tail <= std::min<size_t>(3, size); ++tail) {
      const int length = LeadOf(static_cast<unsigned char>(bytes[size - tail])).length;
      if (length == 0) continue;
      if (static_cast<size_t>(length) > tail) bytes = bytes.substr(0, size - tail);
      break;
    }
  }
  AppendUtf8(bytes, &out);
  if (out.size() > max_bytes) {
    size_t end = max_bytes;
    while (end > 0 && (out[end] & 0xC0) == 0x80) --end;
    out.resize(end);
    *cut = true;
  }
  if (too_long) *cut = true;
  return out;
}

bool DecodeHex(std::string_view hex, std::string* out) {
  if (hex.size() % 2 != 0) return false;
  out->clear();
  out->reserve(hex.size() / 2);
  for (size_t i = 0; i < hex.size(); i += 2) {
    const int high = HexDigit(hex[i]);
    const int low = HexDigit(hex[i + 1]);
    if (high < 0 || low < 0) return false;
    out->push_back(static_cast<char>(high << 4 | low));
  }
  return true;
}

std::string EncodeHex(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    out.push_back("0123456789abcdef"[static_cast<unsigned char>(c) >> 4]);
    out.push_back("0123456789abcdef"[c & 15]);
  }
  return out;
}

bool DecodeBase64(std::string_view text, std::string* out) {
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  if (text.size() % 4 == 1) return false;
  out->clear();
  out->reserve(text.size() / 4 * 3 + 2);
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const int8_t value = kBase64Values[static_cast<unsigned char>(c)];
    if (value < 0) return false;
    bits = bits << 6 | static_cast<uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out->push_back(static_cast<char>(bits >> count & 0xFF));
  }
  return true;
}

std::string EncodeBase64(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t bits = 0;
    for (size_t j = 0; j < 3; ++j) {
      bits = bits << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0u);
    }
    const size_t letters = std::min<size_t>(4, bytes.size() - i + 1);
    for (size_t j = 0; j < 4; ++j) {
      out.push_back(j < letters ? kBase64[bits >> (18 - 6 * j) & 63] : '=');
    }
  }
  return out;
}

std::string NumberText(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value);
  return {buffer, end.ptr};
}

void AppendJsonString(std::string_view text, std::string* out) {
  out->push_back('"');
  for (const char c : text) {
    switch (c) {
      case '"':
        out->append("\\\"");
        break;
      case '\\':
        out->append("\\\\");
        break;
      case '\n':
        out->append("\\n");
        break;
      case '\r':
        out->append("\\r");
        break;
      case '\t':
        out->append("\\t");
        break;
      default:
        if (static_cast<unsigned char>(c) >= 0x20) {
          out->push_back(c);
        } else {
          out->append("\\u00");
          out->append(EncodeHex({&c, 1}));
        }
    }
  }
  out->push_back('"');
}

}  // namespace tidemark::codec
