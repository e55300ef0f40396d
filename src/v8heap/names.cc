#include "v8heap/names.h"

#include <charconv>

namespace tidemark::v8heap {
namespace {

constexpr size_t kMaxIndexDigits = 9;
constexpr uint64_t kStep = 1 << 16;  // strings

uint32_t Entry(Names::Kind kind, size_t value) {
  return static_cast<uint32_t>(kind) << 30 | static_cast<uint32_t>(value);
}

bool ParseAll(std::string_view digits, uint64_t* value) {
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), *value);
  return error == std::errc() && end == digits.data() + digits.size();
}

bool IsIndex(std::string_view text, uint64_t* value) {
  if (text.empty() || text.size() > kMaxIndexDigits || text[0] < '0' || text[0] > '9') return false;
  return (text.size() == 1 || text[0] != '0') && ParseAll(text, value);
}

// As DevTools' tryParseWeakMapEdgeName.
bool IsWeakMapPair(std::string_view text, uint64_t* table) {
  constexpr std::string_view kKey = " / part of key (", kTable = " pair in WeakMap (table @";
  if (text.empty() || text.back() != ')') return false;
  const size_t at = text.rfind(kTable);
  const size_t digits = text.find_first_not_of("0123456789");
  if (at == std::string_view::npos || digits == 0 || !text.substr(digits).starts_with(kKey)) {
    return false;
  }
  text.remove_suffix(1);
  return ParseAll(text.substr(at + kTable.size()), table);
}

}  // namespace

uint32_t Names::Keep(std::string_view text) {
  uint64_t value = 0;
  if (IsIndex(text, &value)) return Entry(Kind::kIndex, value);
  if (IsWeakMapPair(text, &value) && tables_.size() < kMaxValue) {
    tables_.push_back(value);
    return Entry(Kind::kWeakMapPair, tables_.size() - 1);
  }
  const size_t begin = texts_.size();
  if (begin + 2 + text.size() > kMaxValue) return Entry(Kind::kNone, 0);
  texts_.push_back(static_cast<char>(text.size() & 0xff));
  texts_.push_back(static_cast<char>(text.size() >> 8));
  texts_.append(text);
  return Entry(Kind::kText, begin);
}

bool Names::Read(JsonScanner& scanner, Result<void>* status) {
  const bool whole = ReadStrings(scanner, status);
  kept_ = entries_.span().data();
  size_ = entries_.size();
  return whole;
}

bool Names::ReadStrings(JsonScanner& scanner, Result<void>* status) {
  if (!scanner.Expect('[')) return false;
  if (scanner.Take(']')) return true;
  std::string text;
  do {
    if (entries_.size() == kMaxStrings) {
      return scanner.FailWith("more than " + std::to_string(kMaxStrings) + " strings");
    }
    if (entries_.size() % kStep == 0) {
      scratch_.Breathe();
      *status = entries_.Reserve(kStep);
      if (!status->has_value()) return false;
    }
    if (!Wanted(entries_.size())) {
      if (!scanner.SkipString()) return false;
      entries_.Push(Entry(Kind::kNone, 0));
    } else {
      if (!scanner.String(&text, kMaxNameBytes)) return false;
      entries_.Push(Keep(text));
    }
  } while (scanner.Take(','));
  return scanner.Expect(']');
}

std::string Names::text(uint32_t index) const {
  switch (kind(index)) {
    case Kind::kNone:
      return {};
    case Kind::kIndex:
      return std::to_string(value(index));
    case Kind::kWeakMapPair:
      return "value in WeakMap @" + std::to_string(table_of(index));
    case Kind::kText:
      break;
  }
  const size_t begin = value(index);
  const auto low = static_cast<unsigned char>(texts_[begin]);
  const auto high = static_cast<unsigned char>(texts_[begin + 1]);
  return texts_.substr(begin + 2, size_t{high} << 8 | low);
}

}  // namespace tidemark::v8heap
