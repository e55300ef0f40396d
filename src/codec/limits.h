// What one request may ask of us. Crossing a limit is counted in Rejected (items refused,
// attributes cut), never silent.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tidemark::codec {

// Spans or points of one request. SDKs send 512 spans a batch, a Collector 8192 items; a 64 MiB
// body of the smallest points would hold 3 million, which would take 2 GB in memory.
inline constexpr int64_t kMaxItems = 1 << 18;

inline constexpr size_t kMaxNameBytes =
    1024;  // span, metric and route names (OTel: 255 for instruments)
inline constexpr size_t kMaxKeyBytes = 256;     // attribute and label keys
inline constexpr size_t kMaxValueBytes = 4096;  // attribute and label values
inline constexpr size_t kMaxAttributes =
    128;                                     // per resource, point or sample (OTel's default limit)
inline constexpr int kMaxValueDepth = 16;    // arrays and maps within attribute values
inline constexpr size_t kMaxJsonDepth = 96;  // 16 nested values and their envelope
inline constexpr size_t kMaxProfileStringBytes = 64 << 10;  // function and file names, comments

// Profiles share tables, so that a small body can name a long string or stack very often. These
// bound what a request may grow to.
inline constexpr size_t kMaxDictionaryEntries = 4 << 20;  // entries of all tables of a request
inline constexpr size_t kMaxExpandedBytes = 512u
                                            << 20;  // copied strings and frames of all profiles
inline constexpr size_t kMaxSampleTypes = 32;       // columns of one joined profile
inline constexpr size_t kMaxProfileMessages = 64 << 10;  // profiles of a request as sent
inline constexpr size_t kMaxProfiles = 16 << 10;         // and after joining

}  // namespace tidemark::codec
