// Characters in mangled Rust names.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tidemark {

inline bool IsDigit(char c) { return c >= '0' && c <= '9'; }
inline bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
inline bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }

// A code point up to 0x10FFFF.
void AppendUtf8(uint32_t code, std::string* out);

// RFC 3492 with '_' in place of '-', as v0 writes it. False when it is damaged.
bool DecodePunycode(std::string_view text, std::string* out);

}  // namespace tidemark
