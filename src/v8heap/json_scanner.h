// A heap snapshot's JSON as a stream of small steps: punctuation, numbers, strings, values to skip.
// Nothing is kept but a window; nothing recurses, so that nesting costs no stack.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_source.h"

namespace tidemark::v8heap {

// The first error stays: after it every step fails. Belongs to one thread.
class JsonScanner {
 public:
  // `source` outlives it.
  explicit JsonScanner(ByteSource& source);

  // What errors name: "nodes", "strings".
  void set_section(std::string_view section) { section_ = section; }
  uint64_t offset() const { return base_ + static_cast<uint64_t>(at_ - window_.data()); }
  bool ok() const { return !failed_; }
  const Error& error() const { return error_; }
  // False, with an error that names the section and the offset, and what is there instead.
  bool Fail(std::string_view expected);
  // The same with a message of its own.
  bool FailWith(std::string message);

  // The next byte that is no white space, without taking it; 0 = the end.
  char PeekChar();
  bool Expect(char wanted);
  // Takes `wanted` if it is next.
  bool Take(char wanted);
  // Of up to 19 digits.
  bool Number(uint64_t* value);
  // Decoded to UTF-8; what is longer than `max_bytes` is cut there.
  bool String(std::string* text, size_t max_bytes);
  bool SkipString();
  // Whatever value is next, however deep.
  bool SkipValue();

  // "[1,2,3,4]" in tuples of `fields` (at most kMaxFields) numbers, each handed to `take(const
  // uint64_t*)`, which answers false to stop (it has failed).
  static constexpr size_t kMaxFields = 32;
  template <typename TakeTuple>
  bool Tuples(size_t fields, TakeTuple take);

 private:
  static constexpr size_t kPadding = 64;      // zeros behind the window: no digit, no space
  static constexpr size_t kNumberBytes = 24;  // a number, its comma and a line end

  bool SkipStringBody();
  // At least `count` bytes from at_, fewer only at the end of the source.
  bool Fill(size_t count);
  // False: something is unusual (white space, the window's end); nothing was taken then.
  inline bool QuickTuple(size_t fields, uint64_t* values);
  bool SlowTuple(size_t fields, uint64_t* values);
  bool Escape(std::string* text);
  bool Hex4(uint32_t* unit);

  ByteSource& source_;
  std::vector<char> window_;
  const char* at_;
  const char* end_;
  uint64_t base_ = 0;  // offset of the window's first byte
  bool at_end_ = false, failed_ = false;
  Error error_;
  std::string_view section_ = "start";
};

// The number at `*at`, and `*at` moved behind it; ~0 if there is none or it has more than 19
// digits. Reads 8 bytes at once; `*at` has 24 of them. (Eight digits by three multiplications:
// Lemire, "Quickly parsing eight digits"; fewer of them are shifted so that zeros come first.)
inline uint64_t QuickNumber(const char** at) {
  uint64_t chunk;
  std::memcpy(&chunk, *at, 8);
  chunk ^= 0x3030303030303030;
  const uint64_t others = (chunk | (chunk + 0x7676767676767676)) & 0x8080808080808080;
  if ((others & 0xff) != 0) return ~uint64_t{0};
  const int bits = others == 0 ? 64 : std::countr_zero(others) & ~7;
  *at += bits / 8;
  chunk <<= 64 - bits;
  chunk = chunk * 10 + (chunk >> 8);
  uint64_t number = ((chunk & 0x000000ff000000ff) * 0x000f424000000064 +
                     ((chunk >> 16) & 0x000000ff000000ff) * 0x0000271000000001) >>
                    32;
  if (others != 0) return number;
  const char* const limit = *at + 11;
  for (; **at >= '0' && **at <= '9'; ++*at) {
    if (*at == limit) return ~uint64_t{0};
    number = number * 10 + static_cast<uint64_t>(**at - '0');
  }
  return number;
}

inline bool JsonScanner::QuickTuple(size_t fields, uint64_t* values) {
  if (static_cast<size_t>(end_ - at_) < fields * kNumberBytes) return false;
  const char* at = at_;
  for (size_t i = 0; i < fields; ++i) {
    values[i] = QuickNumber(&at);
    if (values[i] == ~uint64_t{0}) return false;
    if (i + 1 == fields) break;
    if (*at++ != ',') return false;
  }
  at_ = at;
  return true;
}

template <typename TakeTuple>
bool JsonScanner::Tuples(size_t fields, TakeTuple take) {
  uint64_t values[kMaxFields];
  if (!Expect('[')) return false;
  if (Take(']')) return true;
  while (true) {
    if (!QuickTuple(fields, values) && !SlowTuple(fields, values)) return false;
    if (!take(values)) return false;
    if (end_ - at_ > 2 && at_[0] == '\n' && at_[1] == ',') {
      at_ += 2;
    } else if (!Take(',')) {
      return Expect(']');
    }
  }
}

}  // namespace tidemark::v8heap
