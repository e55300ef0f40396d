// HPROF's tags and numbers: https://hg.openjdk.org (heapDumper.cpp, hprof_b_spec.h); Android's
// additions are those of version 1.0.3. All integers are big-endian; an id has 4 or 8 bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace tidemark::hprof {

constexpr char kMagic[] = "JAVA PROFILE 1.0.";              // then '1', '2' or '3' and a zero byte
constexpr size_t kHeaderBytes = sizeof kMagic + 1 + 4 + 8;  // with id size and milliseconds
constexpr size_t kRecordHeaderBytes = 1 + 4 + 4;            // tag, microseconds, length

enum RecordTag : uint8_t {
  kUtf8 = 0x01,
  kLoadClass = 0x02,
  kUnloadClass = 0x03,
  kFrame = 0x04,
  kTrace = 0x05,
  kAllocSites = 0x06,
  kHeapSummary = 0x07,
  kStartThread = 0x0a,
  kEndThread = 0x0b,
  kHeapDump = 0x0c,
  kCpuSamples = 0x0d,
  kControlSettings = 0x0e,
  kHeapDumpSegment = 0x1c,
  kHeapDumpEnd = 0x2c,
};

enum HeapTag : uint8_t {
  kRootJniGlobal = 0x01,
  kRootJniLocal = 0x02,
  kRootJavaFrame = 0x03,
  kRootNativeStack = 0x04,
  kRootStickyClass = 0x05,
  kRootThreadBlock = 0x06,
  kRootMonitor = 0x07,
  kRootThreadObject = 0x08,
  kClassDump = 0x20,
  kInstance = 0x21,
  kObjectArray = 0x22,
  kPrimitiveArray = 0x23,
  kRootInternedString = 0x89,
  kRootFinalizing = 0x8a,
  kRootDebugger = 0x8b,
  kRootReferenceCleanup = 0x8c,
  kRootVmInternal = 0x8d,
  kRootJniMonitor = 0x8e,
  kUnreachable = 0x90,
  kPrimitiveArrayWithoutData = 0xc3,
  kHeapInfo = 0xfe,
  kRootUnknown = 0xff,
};

enum ValueType : uint8_t {
  kObject = 2,
  kBoolean = 4,
  kChar = 5,
  kFloat = 6,
  kDouble = 7,
  kByte = 8,
  kShort = 9,
  kInt = 10,
  kLong = 11,
};

// Bytes of a value in the file; 0 = no such type.
constexpr uint32_t ValueBytes(uint8_t type, uint32_t id_bytes) {
  constexpr uint8_t kBytes[] = {0, 0, 0, 0, 1, 2, 4, 8, 1, 2, 4, 8};
  if (type == kObject) return id_bytes;
  return type < sizeof kBytes ? kBytes[type] : 0;
}

template <typename T>
T LoadBig(const uint8_t* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  if constexpr (sizeof(T) == 8) return __builtin_bswap64(value);
  if constexpr (sizeof(T) == 4) return __builtin_bswap32(value);
  if constexpr (sizeof(T) == 2) return __builtin_bswap16(value);
  return value;
}

inline uint64_t LoadId(const uint8_t* bytes, uint32_t id_bytes) {
  return id_bytes == 8 ? LoadBig<uint64_t>(bytes) : LoadBig<uint32_t>(bytes);
}

}  // namespace tidemark::hprof
