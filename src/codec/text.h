// Text of the wire: UTF-8, hex, base64, numbers and JSON strings.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tidemark::codec {

// Appends `bytes` with each ill-formed UTF-8 sequence replaced by U+FFFD (maximal subparts, as the
// Unicode standard recommends in section 3.9).
void AppendUtf8(std::string_view bytes, std::string* out);

// `bytes` as well-formed UTF-8, at most `max_bytes` of it and cut between characters. Sets *cut
// when it was longer.
std::string Utf8(std::string_view bytes, size_t max_bytes, bool* cut);

// Decodes hex digits of either case; false when there is another character or an odd number.
bool DecodeHex(std::string_view hex, std::string* out);
std::string EncodeHex(std::string_view bytes);

// Standard base64, and the URL-safe letters on the way in; padding is optional there.
bool DecodeBase64(std::string_view text, std::string* out);
std::string EncodeBase64(std::string_view bytes);

// The shortest decimal text that reads back as the same number; "NaN", "Infinity" and "-Infinity"
// as in OTLP/JSON.
std::string NumberText(double value);

// Appends `text` in quotes with JSON's escapes. `text` must be UTF-8.
void AppendJsonString(std::string_view text, std::string* out);

}  // namespace tidemark::codec
