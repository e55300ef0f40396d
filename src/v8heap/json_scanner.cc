#include "v8heap/json_scanner.h"

#include <algorithm>
#include <cstdio>

namespace tidemark::v8heap {
namespace {

constexpr size_t kWindowBytes = 1 << 18;
constexpr uint64_t kMaxNumber = 9'999'999'999'999'999'999u;  // 19 digits

bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

void AppendUtf8(uint32_t point, std::string* text) {
  if (point < 0x80) {
    text->push_back(static_cast<char>(point));
    return;
  }
  if (point < 0x800) {
    text->push_back(static_cast<char>(0xc0 | point >> 6));
  } else {
    if (point < 0x10000) {
      text->push_back(static_cast<char>(0xe0 | point >> 12));
    } else {
      text->push_back(static_cast<char>(0xf0 | point >> 18));
      text->push_back(static_cast<char>(0x80 | (point >> 12 & 0x3f)));
    }
    text->push_back(static_cast<char>(0x80 | (point >> 6 & 0x3f)));
  }
  text->push_back(static_cast<char>(0x80 | (point & 0x3f)));
}

bool IsHighSurrogate(uint32_t unit) { return unit >= 0xd800 && unit < 0xdc00; }
bool IsLowSurrogate(uint32_t unit) { return unit >= 0xdc00 && unit < 0xe000; }

}  // namespace

JsonScanner::JsonScanner(ByteSource& source)
    : source_(source), window_(kWindowBytes + kPadding), at_(window_.data()), end_(at_) {}

bool JsonScanner::FailWith(std::string message) {
  if (failed_) return false;
  failed_ = true;
  error_ = Corrupt("heap snapshot, " + std::string(section_) + " at offset " +
                   std::to_string(offset()) + ": " + std::move(message));
  return false;
}

bool JsonScanner::Fail(std::string_view expected) {
  if (failed_) return false;
  if (at_ == end_) return FailWith("the file ends where " + std::string(expected) + " should be");
  const auto byte = static_cast<unsigned char>(*at_);
  char found[16];
  std::snprintf(found, sizeof found, byte > ' ' && byte < 127 ? "'%c'" : "byte 0x%02x", byte);
  return FailWith("expected " + std::string(expected) + ", found " + found);
}

bool JsonScanner::Fill(size_t count) {
  while (static_cast<size_t>(end_ - at_) < count && !at_end_ && !failed_) {
    const auto taken = static_cast<size_t>(at_ - window_.data());
    const auto left = static_cast<size_t>(end_ - at_);
    std::memmove(window_.data(), at_, left);
    base_ += taken;
    at_ = window_.data();
    end_ = at_ + left;
    const auto free = std::as_writable_bytes(std::span(window_)).subspan(left, kWindowBytes - left);
    const auto got = source_.Read(free);
    if (!got) {
      failed_ = true;
      error_ = got.error();
      return false;
    }
    at_end_ = *got == 0;
    end_ += *got;
    std::memset(window_.data() + left + *got, 0, kPadding);
  }
  return static_cast<size_t>(end_ - at_) >= count;
}

char JsonScanner::PeekChar() {
  while (true) {
    while (at_ < end_ && IsSpace(*at_)) ++at_;
    if (at_ < end_) return failed_ ? '\0' : *at_;
    if (!Fill(1)) return '\0';
  }
}

bool JsonScanner::Take(char wanted) {
  if (at_ == end_ || *at_ != wanted) {
    if (PeekChar() != wanted || at_ == end_) return false;
  }
  ++at_;
  return true;
}

bool JsonScanner::Expect(char wanted) {
  if (Take(wanted)) return true;
  const char quoted[] = {'\'', wanted, '\'', '\0'};
  return Fail(quoted);
}

bool JsonScanner::Number(uint64_t* value) {
  PeekChar();
  Fill(kNumberBytes);
  const char* at = at_;
  uint64_t number = 0;
  while (IsDigit(*at)) {
    if (number > kMaxNumber / 10) return FailWith("a number of more than 19 digits");
    number = number * 10 + static_cast<uint64_t>(*at++ - '0');
  }
  if (at == at_) return Fail("a number");
  at_ = at;
  if (at_ == end_) return Fail("the end of a number");  // it may have been cut
  *value = number;
  return !failed_;
}

bool JsonScanner::SlowTuple(size_t fields, uint64_t* values) {
  for (size_t i = 0; i < fields; ++i) {
    if (i > 0 && !Take(',')) {
      return PeekChar() == ']' ? FailWith("the last entry has " + std::to_string(i) + " of " +
                                          std::to_string(fields) + " fields")
                               : Fail("','");
    }
    if (!Number(&values[i])) return false;
  }
  return true;
}

bool JsonScanner::Hex4(uint32_t* unit) {
  if (!Fill(4)) return Fail("four hexadecimal digits");
  *unit = 0;
  for (int i = 0; i < 4; ++i, ++at_) {
    const char c = *at_;
    const char lower = static_cast<char>(c | 0x20);
    if (!IsDigit(c) && (lower < 'a' || lower > 'f')) return Fail("a hexadecimal digit");
    *unit = *unit * 16 + static_cast<uint32_t>(IsDigit(c) ? c - '0' : lower - 'a' + 10);
  }
  return true;
}

// Behind a backslash.
bool JsonScanner::Escape(std::string* text) {
  if (!Fill(1)) return Fail("an escape");
  const char c = *at_;
  constexpr std::string_view kNames = "\"\\/bfnrt", kValues = "\"\\/\b\f\n\r\t";
  if (c != 'u') {
    const size_t which = kNames.find(c);
    if (which == std::string_view::npos) return Fail("an escape");
    ++at_;
    text->push_back(kValues[which]);
    return true;
  }
  ++at_;
  uint32_t unit = 0, low = 0;
  if (!Hex4(&unit)) return false;
  if (IsHighSurrogate(unit) && Fill(6) && at_[0] == '\\' && at_[1] == 'u') {
    at_ += 2;
    if (!Hex4(&low)) return false;
    if (IsLowSurrogate(low)) {
      AppendUtf8(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00), text);
      return true;
    }
    AppendUtf8(0xfffd, text);
    unit = low;
  }
  // V8 cuts strings at a length in code units, which may leave half of a pair.
  AppendUtf8(IsHighSurrogate(unit) || IsLowSurrogate(unit) ? 0xfffd : unit, text);
  return true;
}

bool JsonScanner::String(std::string* text, size_t max_bytes) {
  text->clear();
  if (!Expect('"')) return false;
  while (true) {
    const char* begin = at_;
    while (at_ < end_ && *at_ != '"' && *at_ != '\\') ++at_;
    if (text->size() < max_bytes) {
      text->append(begin, std::min<size_t>(at_ - begin, max_bytes - text->size()));
    }
    if (at_ == end_) {
      if (!Fill(1)) return Fail("the end of a string");
      continue;
    }
    if (*at_++ == '"') return true;
    const size_t before = text->size();
    if (!Escape(text)) return false;
    if (text->size() > max_bytes) text->resize(std::min(before, max_bytes));
  }
}

bool JsonScanner::SkipStringBody() {
  while (true) {
    while (at_ < end_ && *at_ != '"' && *at_ != '\\') ++at_;
    if (at_ == end_) {
      if (!Fill(1)) return Fail("the end of a string");
      continue;
    }
    if (*at_++ == '"') return true;
    if (!Fill(1)) return Fail("an escape");
    ++at_;
  }
}

bool JsonScanner::SkipString() { return Expect('"') && SkipStringBody(); }

bool JsonScanner::SkipValue() {
  uint64_t depth = 0;
  bool any = false;
  while (true) {
    const char c = PeekChar();
    if (c == '\0') return Fail("a value");
    if (depth == 0 && any && (c == ',' || c == '}' || c == ']')) return true;
    any = true;
    ++at_;
    if (c == '"') {
      if (!SkipStringBody()) return false;
    } else if (c == '[' || c == '{') {
      ++depth;
    } else if (c == ']' || c == '}') {
      if (depth == 0) {
        --at_;
        return Fail("a value");
      }
      --depth;
    }
  }
}

}  // namespace tidemark::v8heap
