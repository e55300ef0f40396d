// A dump from its first record to its last, for a handler of the caller's; says where it is
// damaged.
#pragma once

#include <string>

#include "base/byte_source.h"
#include "hprof/heap_record_parser.h"

namespace tidemark::hprof {

// "" = no such record.
std::string_view RecordName(uint8_t tag);

// Handler has what HeapRecordParser asks for, and
//   bool Wants(uint8_t tag);                       of records other than heap dumps
//   void Record(uint8_t tag, BytesReader reader);  its body
//   bool Enough(uint64_t offset);                  true: stop here
template <uint32_t kIdBytes, typename Handler>
class RecordWalker {
 public:
  static constexpr uint32_t kMaxKeptRecord = 8 << 20;  // longer ones are skipped

  // `cursor` stands behind the file's header. `size` of the file, where known.
  RecordWalker(ByteCursor& cursor, std::optional<uint64_t> size, Handler& handler)
      : cursor_(cursor), size_(size), handler_(handler), parser_(handler) {}

  // Errors: the source's own but corrupt, which is damage.
  Result<void> Run() {
    while (!stop_) {
      auto more = NextRecord();
      if (!more && more.error().code == ErrorCode::kCorrupt) {
        NoteDamage(more.error().message);
        break;
      }
      if (!more) return more;
    }
    if (segments_ && !ended_ && damage_.empty() && !enough_) {
      NoteDamage("ends at offset " + std::to_string(cursor_.offset()) +
                 " without the record that ends a heap dump: the dump was cut short");
    }
    return {};
  }
  // "" = whole as far as it was walked.
  std::string damage() const {
    if (damaged_ < 2) return damage_;
    return damage_ + " (and " + std::to_string(damaged_ - 1) + " more places)";
  }
  bool enough() const { return enough_; }

 private:
  void NoteDamage(std::string what) {
    if (damaged_++ == 0) damage_ = std::move(what);
  }
  std::string Place() const {
    return std::string(RecordName(tag_)) + " at offset " + std::to_string(begin_);
  }

  Result<void> NextRecord() {
    begin_ = cursor_.offset();
    TIDEMARK_ASSIGN_OR_RETURN(const auto head, cursor_.Peek(kRecordHeaderBytes));
    stop_ = head.empty();
    if (stop_) return {};
    if (head.size() < kRecordHeaderBytes) {
      return Corrupt("cut short in the head of the record at offset " + std::to_string(begin_));
    }
    const auto* bytes = reinterpret_cast<const uint8_t*>(head.data());
    tag_ = bytes[0];
    const uint32_t length = LoadBig<uint32_t>(bytes + 5);
    if (RecordName(tag_).empty()) {
      return Corrupt("unknown record tag " + std::to_string(tag_) + " at offset " +
                     std::to_string(begin_));
    }
    cursor_.Advance(kRecordHeaderBytes);
    if (tag_ == kHeapDump || tag_ == kHeapDumpSegment) return HeapBody(length);
    if (tag_ == kHeapDumpEnd) ended_ = true;
    return OtherBody(length);
  }

  Result<void> OtherBody(uint32_t length) {
    if (!handler_.Wants(tag_) || length > kMaxKeptRecord) {
      auto skipped = cursor_.Skip(length);
      if (skipped || skipped.error().code != ErrorCode::kCorrupt) return skipped;
      return Corrupt(skipped.error().message + ", in " + Place());
    }
    TIDEMARK_ASSIGN_OR_RETURN(const auto body, cursor_.Peek(length));
    if (body.size() < length) {
      return Corrupt(Place() + " is cut short: " + std::to_string(body.size()) + " of " +
                     std::to_string(length) + " bytes");
    }
    const auto* bytes = reinterpret_cast<const uint8_t*>(body.data());
    handler_.Record(tag_, BytesReader(bytes, bytes + length, kIdBytes));
    cursor_.Advance(length);
    Ask();
    return {};
  }

  void Ask() {
    enough_ = handler_.Enough(cursor_.offset());
    stop_ = stop_ || enough_;
  }

  // More bytes than 32 bits can say were written into one HEAP DUMP record by old JVMs: its length
  // lacks multiples of 2^32.
  bool Wrapped(uint64_t end) const {
    return tag_ == kHeapDump && size_ && *size_ >= end + (uint64_t{1} << 32);
  }

  Result<void> HeapBody(uint64_t length) {
    segments_ = segments_ || tag_ == kHeapDumpSegment;
    uint64_t end = cursor_.offset() + length;
    uint64_t need = 1;
    parser_.Forget();
    while (cursor_.offset() < end || parser_.inside_array()) {
      uint64_t left = end - cursor_.offset();
      if (need > left && Wrapped(end)) {
        end += uint64_t{1} << 32;
        continue;
      }
      if (need > left) return SkipDamaged("a sub-record reaches beyond", left);
      TIDEMARK_ASSIGN_OR_RETURN(const auto bytes, cursor_.Peek(need));
      if (bytes.size() < need) {
        return Corrupt("cut short at offset " + std::to_string(cursor_.offset() + bytes.size()) +
                       ", in " + Place());
      }
      const auto* begin = reinterpret_cast<const uint8_t*>(bytes.data());
      const size_t taken = parser_.Parse(begin, begin + std::min<uint64_t>(bytes.size(), left));
      cursor_.Advance(taken);
      left -= taken;
      if (!parser_.bad().empty()) return SkipDamaged(parser_.bad() + " in", left);
      while (parser_.skip() > left && Wrapped(end)) {
        end += uint64_t{1} << 32;
        left += uint64_t{1} << 32;
      }
      if (parser_.skip() > left) return SkipDamaged("an array reaches beyond", left);
      if (auto skipped = cursor_.Skip(parser_.skip()); !skipped) {
        if (skipped.error().code != ErrorCode::kCorrupt) return skipped;
        return Corrupt(skipped.error().message + ", in an array of " + Place());
      }
      need = std::max<uint64_t>(parser_.need(), 1);
      Ask();
      if (stop_) return {};
    }
    return {};
  }

  // A segment's end is known: the next one may be good.
  Result<void> SkipDamaged(const std::string& what, uint64_t left) {
    NoteDamage(what + " the " + Place() + ", at offset " + std::to_string(cursor_.offset()));
    if (tag_ == kHeapDump) {
      stop_ = true;
      return {};
    }
    parser_.Forget();
    auto skipped = cursor_.Skip(left);
    if (skipped || skipped.error().code != ErrorCode::kCorrupt) return skipped;
    return Corrupt(skipped.error().message + ", in " + Place());
  }

  ByteCursor& cursor_;
  const std::optional<uint64_t> size_;
  Handler& handler_;
  HeapRecordParser<kIdBytes, Handler> parser_;
  uint8_t tag_ = 0;
  uint64_t begin_ = 0;
  bool stop_ = false, enough_ = false, segments_ = false, ended_ = false;
  std::string damage_;
  uint64_t damaged_ = 0;
};

}  // namespace tidemark::hprof
