// Unsigned LEB128 and zigzag, into a string and out of bytes that nobody vouches for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace tidemark::graphfile {

// Small magnitudes to small numbers: 0, -1, 1, -2 -> 0, 1, 2, 3. Differences wrap.
inline uint64_t ZigZag(uint64_t difference) { return (difference << 1) ^ (0 - (difference >> 63)); }
inline uint64_t UnZigZag(uint64_t number) { return (number >> 1) ^ (0 - (number & 1)); }

inline void PutVarint(std::string& out, uint64_t number) {
  char bytes[10];
  size_t count = 0;
  while (number >= 128) {
    bytes[count++] = static_cast<char>(number | 128);
    number >>= 7;
  }
  bytes[count++] = static_cast<char>(number);
  out.append(bytes, count);
}

inline void PutText(std::string& out, std::string_view text) {
  PutVarint(out, text.size());
  out.append(text);
}

// Reads until the end and answers zeros behind it; then ok() is false.
class ByteReader {
 public:
  ByteReader() = default;
  explicit ByteReader(std::string_view bytes)
      : next_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  uint64_t Varint() {
    uint64_t number = 0;
    for (unsigned shift = 0; shift < 70 && next_ < end_; shift += 7) {
      const auto byte = static_cast<uint8_t>(*next_++);
      number |= static_cast<uint64_t>(byte & 127) << (shift < 64 ? shift : 0);
      if (byte < 128) return shift < 63 || byte < 2 ? number : Fail();
    }
    return Fail();
  }
  uint8_t Byte() { return next_ < end_ ? static_cast<uint8_t>(*next_++) : (Fail(), uint8_t{0}); }
  std::string_view Bytes(uint64_t count) {
    if (count > left()) {
      Fail();
      return {};
    }
    const std::string_view bytes(next_, count);
    next_ += count;
    return bytes;
  }
  std::string_view Text() { return Bytes(Varint()); }

  size_t left() const { return static_cast<size_t>(end_ - next_); }
  bool ok() const { return ok_; }

 private:
  uint64_t Fail() {
    ok_ = false;
    next_ = end_;
    return 0;
  }
  const char* next_ = nullptr;
  const char* end_ = nullptr;
  bool ok_ = true;
};

}  // namespace tidemark::graphfile
