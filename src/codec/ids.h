// Trace and span ids between bytes and values.
#pragma once

#include <algorithm>
#include <string>

#include "codec/wire.h"
#include "model/span.h"

namespace tidemark::codec {

inline uint64_t BigEndian64(const char* bytes) {
  uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

inline void AppendBigEndian64(uint64_t value, std::string* out) {
  for (int shift = 56; shift >= 0; shift -= 8) out->push_back(static_cast<char>(value >> shift));
}

inline bool IsZeros(View bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == 0; });
}

// False unless `bytes` are 16 (8) and not all zero.
inline bool ReadTraceId(View bytes, TraceId* id) {
  if (bytes.size() != 16) return false;
  *id = {BigEndian64(bytes.data()), BigEndian64(bytes.data() + 8)};
  return static_cast<bool>(*id);
}

inline bool ReadSpanId(View bytes, SpanId* id) {
  if (bytes.size() != 8) return false;
  *id = SpanId{BigEndian64(bytes.data())};
  return *id != SpanId::kNone;
}

inline std::string BytesOf(TraceId id) {
  std::string out;
  AppendBigEndian64(id.high, &out);
  AppendBigEndian64(id.low, &out);
  return out;
}

inline std::string BytesOf(SpanId id) {
  std::string out;
  AppendBigEndian64(static_cast<uint64_t>(id), &out);
  return out;
}

}  // namespace tidemark::codec
