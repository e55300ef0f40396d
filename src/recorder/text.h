// A bounded string on the stack, for the few paths the recorder makes. Cut when longer than its
// capacity.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace tidemark::recorder {

class Text {
 public:
  Text& Append(const char* more) {
    while (*more != 0 && length_ + 1 < sizeof bytes_) bytes_[length_++] = *more++;
    return *this;
  }
  Text& AppendNumber(uint64_t value) {
    char digits[24] = {};
    size_t at = sizeof digits - 1;
    do {
      digits[--at] = static_cast<char>('0' + value % 10);
      value /= 10;
    } while (value != 0);
    return Append(digits + at);
  }
  const char* c_str() const { return bytes_; }

 private:
  char bytes_[256] = {};
  size_t length_ = 0;
};

}  // namespace tidemark::recorder
