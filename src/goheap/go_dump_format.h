// The file that Go's runtime/debug.WriteHeapDump writes: header, tags, numbers. Layout in
// docs/heap-go.md; source: Go's src/runtime/heapdump.go, the same from 1.7 to 1.27.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace tidemark::goheap {

constexpr std::string_view kGoDumpMagic = "go1.7 heap dump\n";

enum class GoTag : uint64_t {
  kEnd = 0,
  kObject = 1,
  kOtherRoot = 2,
  kType = 3,
  kGoroutine = 4,
  kFrame = 5,
  kParams = 6,
  kFinalizer = 7,
  kItab = 8,
  kThread = 9,
  kMemStats = 10,
  kQueuedFinalizer = 11,
  kData = 12,
  kBss = 13,
  kDefer = 14,
  kPanic = 15,
  kMemProf = 16,
  kAllocSample = 17,
};
constexpr uint64_t kGoTags = 18;

// "object", "stack frame"; of a tag below kGoTags.
constexpr std::string_view GoTagName(GoTag tag) {
  constexpr std::string_view kNames[kGoTags] = {"end",
                                                "object",
                                                "other root",
                                                "type",
                                                "goroutine",
                                                "stack frame",
                                                "params",
                                                "registered finalizer",
                                                "itab",
                                                "thread",
                                                "memory statistics",
                                                "queued finalizer",
                                                "data segment",
                                                "bss segment",
                                                "defer",
                                                "panic",
                                                "memory profile bucket",
                                                "allocation sample"};
  return kNames[static_cast<uint64_t>(tag)];
}

// Memory's lengths pass through an int32 in the writer, so no honest one is longer.
constexpr uint64_t kMaxContents = (uint64_t{1} << 31) - 1;
constexpr uint64_t kMaxText = 64 << 10;  // of a name, in bytes

// Moves `at` behind an unsigned LEB128 number. False, and `at` where it was: it does not end before
// `end` (fewer than 10 bytes are there), or it is no number of 64 bits.
inline bool ReadNumber(const std::byte*& at, const std::byte* end, uint64_t& value) {
  const auto* p = reinterpret_cast<const uint8_t*>(at);
  const auto* const last = reinterpret_cast<const uint8_t*>(end);
  uint64_t sum = 0;
  for (unsigned shift = 0; p != last; shift += 7) {
    const uint64_t byte = *p++;
    if (shift == 63 && byte > 1) return false;
    sum |= (byte & 0x7f) << shift;
    if (byte < 0x80) {
      at = reinterpret_cast<const std::byte*>(p);
      value = sum;
      return true;
    }
  }
  return false;
}

inline uint64_t LoadWord(const std::byte* at) {
  uint64_t word;
  std::memcpy(&word, at, sizeof(word));
  return word;
}

// Fields of one record, from bytes that may end too early or be no record. After the first field
// that fails, fields are 0 and empty.
class GoFields {
 public:
  GoFields(const std::byte* at, const std::byte* end) : at_(at), end_(end) {}

  uint64_t Number() {
    uint64_t value = 0;
    if (failed() || ReadNumber(at_, end_, value)) return value;
    if (end_ - at_ < 10) {
      short_ = true;
    } else {
      wrong_ = "a number of more than 64 bits";
    }
    return 0;
  }
  bool Bool() {
    const uint64_t value = Number();
    if (value > 1) Fail("a bool of " + std::to_string(value));
    return value == 1;
  }
  std::string_view Text() {
    const uint64_t length = Number();
    if (length > kMaxText) Fail("a text of " + std::to_string(length) + " bytes");
    if (failed()) return {};
    if (static_cast<uint64_t>(end_ - at_) < length) {
      short_ = true;
      return {};
    }
    at_ += length;
    return {reinterpret_cast<const char*>(at_ - length), length};
  }
  // The record goes on beyond the bytes.
  void MarkShort() {
    if (!failed()) short_ = true;
  }
  void Fail(std::string wrong) {
    if (!failed()) wrong_ = std::move(wrong);
  }

  const std::byte* at() const { return at_; }
  const std::byte* end() const { return end_; }
  uint64_t left() const { return static_cast<uint64_t>(end_ - at_); }
  void set_at(const std::byte* at) { at_ = at; }
  bool failed() const { return short_ || !wrong_.empty(); }
  bool is_short() const { return short_; }
  const std::string& wrong() const { return wrong_; }

 private:
  const std::byte* at_;
  const std::byte* const end_;
  bool short_ = false;
  std::string wrong_;
};

}  // namespace tidemark::goheap
