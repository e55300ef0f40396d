// Takes integers from a record that is whole in memory; what is missing reads as 0 and is noted.
#pragma once

#include <string_view>

#include "hprof/hprof_format.h"

namespace tidemark::hprof {

class BytesReader {
 public:
  BytesReader(const uint8_t* begin, const uint8_t* end, uint32_t id_bytes)
      : at_(begin), end_(end), id_bytes_(id_bytes) {}

  uint8_t U1() { return Take(1) ? at_[-1] : 0; }
  uint16_t U2() { return Take(2) ? LoadBig<uint16_t>(at_ - 2) : 0; }
  uint32_t U4() { return Take(4) ? LoadBig<uint32_t>(at_ - 4) : 0; }
  uint64_t Id() { return Take(id_bytes_) ? LoadId(at_ - id_bytes_, id_bytes_) : 0; }
  bool Skip(uint64_t count) { return Take(count); }
  std::string_view Rest() const {
    return {reinterpret_cast<const char*>(at_), static_cast<size_t>(end_ - at_)};
  }
  const uint8_t* at() const { return at_; }
  uint64_t left() const { return static_cast<uint64_t>(end_ - at_); }
  bool short_of_bytes() const { return short_; }

 private:
  bool Take(uint64_t count) {
    if (short_ || left() < count) {
      short_ = true;
      return false;
    }
    at_ += count;
    return true;
  }
  const uint8_t* at_;
  const uint8_t* end_;
  uint32_t id_bytes_;
  bool short_ = false;
};

}  // namespace tidemark::hprof
