#include "heapreport/words.h"

#include <algorithm>
#include <cstddef>
#include <cstdio>

#include "base/text.h"

namespace tidemark {
namespace {

// The length of the UTF-8 sequence that begins at `at`, or 0 when none does.
size_t SequenceLength(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(at);
  if (lead < 0x80) return 1;
  const size_t length = lead >= 0xf0 && lead < 0xf5 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 0;
  if (length == 0 || lead >= 0xf5 || at + length > text.size()) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xc0) != 0x80) return 0;
  }
  // Overlong forms, surrogates, beyond U+10FFFF.
  if (lead == 0xe0 && byte(at + 1) < 0xa0) return 0;
  if (lead == 0xed && byte(at + 1) >= 0xa0) return 0;
  if (lead == 0xf0 && byte(at + 1) < 0x90) return 0;
  if (lead == 0xf4 && byte(at + 1) >= 0x90) return 0;
  return length;
}

bool Continues(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

}  // namespace

std::string FormatCount(uint64_t count) {
  std::string digits = std::to_string(count);
  for (std::ptrdiff_t at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3)
    digits.insert(static_cast<size_t>(at), ",");
  return digits;
}

std::string FormatShare(uint64_t part, uint64_t whole) {
  if (whole == 0) return "-";
  const double percent = 100 * static_cast<double>(part) / static_cast<double>(whole);
  if (part > 0 && percent < 0.05) return "under 0.1 %";
  char text[32];
  // 99.96 is not 100: the whole is the whole.
  const bool whole_number = percent >= 10 && (percent < 99 || part == whole);
  std::snprintf(text, sizeof text, whole_number ? "%.0f %%" : "%.1f %%",
                part < whole && percent > 99.9 ? 99.9 : percent);
  return text;
}

std::string FormatAddress(uint64_t address, bool is_id) {
  char text[24];
  std::snprintf(text, sizeof text, is_id && address != 0 ? "@%llu" : "0x%llx",
                static_cast<unsigned long long>(address));
  return text;
}

std::string FormatChange(int64_t bytes) {
  return (bytes > 0 ? "+" : "") + FormatBytes(static_cast<double>(bytes));
}

std::string Presentable(std::string_view text, size_t max_bytes) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const size_t length = SequenceLength(text, i);
    const auto first = static_cast<unsigned char>(text[i]);
    // U+0080..U+009F are control characters too.
    const bool control =
        first < 0x20 || first == 0x7f ||
        (length == 2 && first == 0xc2 && static_cast<unsigned char>(text[i + 1]) < 0xa0);
    if (length == 0 || control) {
      out += '?';
    } else {
      out.append(text.substr(i, length));
    }
    i += length == 0 ? 1 : length;
  }
  max_bytes = std::max<size_t>(max_bytes, 8);
  if (out.size() <= max_bytes) return out;
  size_t head = max_bytes * 2 / 3, tail = out.size() - (max_bytes - head - 3);
  while (head > 0 && Continues(out[head])) --head;
  while (tail < out.size() && Continues(out[tail])) ++tail;
  return out.substr(0, head) + "..." + out.substr(tail);
}

std::string JoinChain(const std::vector<std::string>& chain, size_t max_bytes) {
  const auto join = [&](size_t left_out_at, size_t left_out) {
    std::string text;
    for (size_t i = 0; i < chain.size(); ++i) {
      if (i == left_out_at && left_out > 0) {
        text += " -> ...";
        i += left_out;
      }
      text += (text.empty() ? "" : " -> ") + chain[i];
    }
    return text;
  };
  std::string text = join(0, 0);
  // The root and the last two tell most.
  for (size_t left_out = 1; text.size() > max_bytes && left_out + 3 <= chain.size(); ++left_out)
    text = join(chain.size() - 2 - left_out, left_out);
  return text;
}

std::string WrapText(std::string_view text, size_t width, size_t indent) {
  std::string out(std::min(text.find_first_not_of(' '), text.size()), ' ');
  size_t column = out.size();
  bool fresh = true;  // nothing but the indent stands on this line
  while (!text.empty()) {
    const size_t space = text.find(' ');
    const std::string_view word = text.substr(0, space);
    text.remove_prefix(space == text.npos ? text.size() : space + 1);
    if (word.empty()) continue;
    if (!fresh && column + 1 + word.size() > width) {
      out += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (!fresh) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
    fresh = false;
  }
  return out;
}

}  // namespace tidemark
