// The sub-records of a heap dump segment, one after the other, for a handler of the caller's.
#pragma once

#include <algorithm>
#include <string>

#include "hprof/bytes_reader.h"

namespace tidemark::hprof {

// The inner loop: no virtual call and no allocation here, contents of primitive arrays are not
// touched. Handler has
//   void Instance(uint64_t id, uint64_t class_id, const uint8_t* data, uint32_t bytes);
//   void ObjectArray(uint64_t id, uint64_t class_id, uint32_t count, const uint8_t* elements);
//   void LargeArray(uint64_t id, uint64_t class_id, uint32_t count);     then, until count is
//   void LargeArrayElements(const uint8_t* elements, uint32_t count);    reached, elements of it
//   void PrimitiveArray(uint64_t id, uint8_t type, uint32_t count);
//   void Root(uint8_t tag, uint64_t id, uint32_t a, uint32_t b);
//   bool Class(BytesReader& reader, bool* bad);    false: needs more bytes, or is bad
template <uint32_t kIdBytes, typename Handler>
class HeapRecordParser {
 public:
  static constexpr uint64_t kLargeArrayBytes = 1 << 20;  // longer ones are told in pieces
  static constexpr uint32_t kMaxInstanceBytes = 16 << 20;

  explicit HeapRecordParser(Handler& handler) : handler_(handler) {}

  // Takes what is whole in [begin, end) and says how many bytes that was. Afterwards: need() bytes
  // from there on are wanted to go on, skip() bytes of no interest come first, bad() tells what is
  // wrong there.
  size_t Parse(const uint8_t* begin, const uint8_t* end) {
    need_ = 0;
    skip_ = 0;
    at_ = begin;
    end_ = end;
    while (at_ < end_ && Next()) {
    }
    return static_cast<size_t>(at_ - begin);
  }
  uint64_t need() const { return need_; }
  uint64_t skip() const { return skip_; }
  const std::string& bad() const { return bad_; }
  bool inside_array() const { return elements_left_ > 0; }
  void Forget() {  // after damage, before the next segment
    bad_.clear();
    elements_left_ = 0;
  }

 private:
  uint64_t left() const { return static_cast<uint64_t>(end_ - at_); }
  static uint64_t Id(const uint8_t* at) { return LoadId(at, kIdBytes); }

  // False: wait for more bytes, or bad.
  bool Have(uint64_t bytes) {
    if (left() >= bytes) return true;
    need_ = bytes;
    return false;
  }
  bool Bad(std::string what) {
    bad_ = std::move(what);
    return false;
  }

  bool Next() {
    if (elements_left_ > 0) return Elements();
    switch (*at_) {
      case kInstance:
        return Instance();
      case kObjectArray:
        return ObjectArray();
      case kPrimitiveArray:
        return PrimitiveArray(true);
      case kPrimitiveArrayWithoutData:
        return PrimitiveArray(false);
      case kClassDump:
        return Class();
      default:
        return Root();
    }
  }

  bool Instance() {
    constexpr uint32_t kHead = 1 + kIdBytes + 4 + kIdBytes + 4;
    if (!Have(kHead)) return false;
    const uint32_t bytes = LoadBig<uint32_t>(at_ + kHead - 4);
    if (bytes > kMaxInstanceBytes) {
      return Bad("an instance of " + std::to_string(bytes) + " bytes");
    }
    if (!Have(uint64_t{kHead} + bytes)) return false;
    handler_.Instance(Id(at_ + 1), Id(at_ + 1 + kIdBytes + 4), at_ + kHead, bytes);
    at_ += kHead + bytes;
    return true;
  }

  bool ObjectArray() {
    constexpr uint32_t kHead = 1 + kIdBytes + 4 + 4 + kIdBytes;
    if (!Have(kHead)) return false;
    const uint32_t count = LoadBig<uint32_t>(at_ + 1 + kIdBytes + 4);
    const uint64_t id = Id(at_ + 1), class_id = Id(at_ + 1 + kIdBytes + 8);
    const uint64_t bytes = uint64_t{count} * kIdBytes;
    if (bytes > kLargeArrayBytes) {
      handler_.LargeArray(id, class_id, count);
      elements_left_ = count;
      at_ += kHead;
      return true;
    }
    if (!Have(kHead + bytes)) return false;
    handler_.ObjectArray(id, class_id, count, at_ + kHead);
    at_ += kHead + bytes;
    return true;
  }

  bool Elements() {
    const auto count = static_cast<uint32_t>(std::min<uint64_t>(elements_left_, left() / kIdBytes));
    if (count == 0) return Have(kIdBytes);
    handler_.LargeArrayElements(at_, count);
    elements_left_ -= count;
    at_ += uint64_t{count} * kIdBytes;
    return true;
  }

  bool PrimitiveArray(bool with_data) {
    constexpr uint32_t kHead = 1 + kIdBytes + 4 + 4 + 1;
    if (!Have(kHead)) return false;
    const uint8_t type = at_[kHead - 1];
    const uint32_t count = LoadBig<uint32_t>(at_ + kHead - 5);
    const uint32_t element = type == kObject ? 0 : ValueBytes(type, kIdBytes);
    if (element == 0) return Bad("an array of the unknown type " + std::to_string(type));
    handler_.PrimitiveArray(Id(at_ + 1), type, count);
    at_ += kHead;
    const uint64_t bytes = with_data ? uint64_t{count} * element : 0;
    const uint64_t here = std::min(bytes, left());
    at_ += here;
    skip_ = bytes - here;
    return skip_ == 0;
  }

  bool Class() {
    BytesReader reader(at_ + 1, end_, kIdBytes);
    bool bad = false;
    if (!handler_.Class(reader, &bad)) {
      if (bad) return Bad("a class with a field of an unknown type");
      need_ = left() + (64 << 10);
      return false;
    }
    at_ = reader.at();
    return true;
  }

  // Bytes behind the tag and an id; more than a root ever has: no such tag.
  static uint32_t RootBytes(uint8_t tag) {
    switch (tag) {
      case kRootUnknown:
      case kRootStickyClass:
      case kRootMonitor:
      case kRootInternedString:
      case kRootFinalizing:
      case kRootDebugger:
      case kRootReferenceCleanup:
      case kRootVmInternal:
      case kUnreachable:
        return 0;
      case kRootJniGlobal:
        return kIdBytes;
      case kRootNativeStack:
      case kRootThreadBlock:
        return 4;
      case kRootJniLocal:
      case kRootJavaFrame:
      case kRootThreadObject:
      case kRootJniMonitor:
        return 8;
      default:
        return ~0u;
    }
  }

  bool Root() {
    const uint8_t tag = *at_;
    if (tag == kHeapInfo) {
      if (!Have(1 + 4 + kIdBytes)) return false;
      at_ += 1 + 4 + kIdBytes;
      return true;
    }
    const uint32_t more = RootBytes(tag);
    if (more == ~0u) return Bad("the unknown tag " + std::to_string(tag));
    if (!Have(1 + kIdBytes + more)) return false;
    const uint8_t* rest = at_ + 1 + kIdBytes;
    const bool numbers = tag != kRootJniGlobal;
    handler_.Root(tag, Id(at_ + 1), numbers && more >= 4 ? LoadBig<uint32_t>(rest) : 0,
                  numbers && more >= 8 ? LoadBig<uint32_t>(rest + 4) : 0);
    at_ += 1 + kIdBytes + more;
    return true;
  }

  Handler& handler_;
  const uint8_t* at_ = nullptr;
  const uint8_t* end_ = nullptr;
  uint64_t need_ = 0, skip_ = 0, elements_left_ = 0;
  std::string bad_;
};

}  // namespace tidemark::hprof
