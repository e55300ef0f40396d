// One reading of a Go heap dump: a loop over records that lie whole in a window over the source.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/byte_source.h"
#include "goheap/go_dump_format.h"
#include "goheap/go_goroutine.h"
#include "goheap/go_hints.h"
#include "goheap/go_phantoms.h"
#include "goheap/go_slots.h"
#include "goheap/go_versions.h"
#include "heapgraph/heap_events.h"

namespace tidemark::goheap {

class GoSpool;

class GoDumpReading {
 public:
  GoDumpReading(ByteSource& source, heapgraph::HeapSink& sink, heapgraph::HeapSource::Wants wants);
  Result<heapgraph::ReadOutcome> Run();

 private:
  // Memory of a record that is longer than this is not held in the window.
  static constexpr uint64_t kInWindow = uint64_t{1} << 20;

  enum class Step { kNext, kShort, kEnd, kWrong, kLong };

  // A record whose contents are too long for the window, which stands at their first byte.
  struct LongRecord {
    GoTag tag = GoTag::kEnd;
    uint64_t address = 0, length = 0;
  };

  // Whole records from `at` on, which moves behind them.
  Step Records(const std::byte*& at, const std::byte* end);
  Step Record(const std::byte*& at, const std::byte* end);
  template <bool kReferences>
  Step Objects(const std::byte*& at, const std::byte* end);
  Step UnusualObject(const std::byte*& at, const std::byte* end);
  void TellObject(uint64_t address, std::span<const std::byte> contents, bool lists_pointers);
  TypeKey HeaderOf(const std::byte* contents, uint64_t length) const;

  // Of one record, from its first field on. They act when all fields are there.
  void Fields(GoTag tag, GoFields& fields);
  void Params(GoFields& fields);
  void Type(GoFields& fields);
  void Itab(GoFields& fields);
  void OtherRoot(GoFields& fields);
  void Goroutine(GoFields& fields);
  void Thread(GoFields& fields);
  void Frame(GoFields& fields);
  static std::string_view FrameFunction(GoFields& fields);
  void Segment(GoTag tag, GoFields& fields);
  void Defer(GoFields& fields);
  void Panic(GoFields& fields);
  void Finalizer(GoFields& fields, bool queued);
  void TellFinalizers(bool last);
  void MemStats(GoFields& fields);
  void MemProf(GoFields& fields);
  void AllocSample(GoFields& fields);

  // The length of a record's contents; `long_` is set if they are too long for the window.
  uint64_t ContentsLength(GoTag tag, uint64_t address, GoFields& fields);
  std::span<const std::byte> Contents(uint64_t length, GoFields& fields);
  void RegionSlots(GoFields& fields, GoRegion& region, uint64_t room);

  // The record `long_`.
  Result<void> ReadLong();
  Result<void> ReadLongSlots(GoSpool* spool);
  Result<void> LongError(const Error& error);
  void LongSlots(const GoRegion& region, std::span<const std::byte> contents, bool last);
  void LongFrame(bool last);
  void LongObject(const GoRegion& region, std::span<const std::byte> contents);
  void LongSegment(std::span<const std::byte> contents, bool last);
  void TellPiece(std::span<const std::byte> contents);

  void Fact(std::string_view key, uint64_t number);
  void Finish();
  // What was wrong; the first counts.
  void Damage(uint64_t offset, std::string_view record, std::string_view what);

  ByteCursor cursor_;
  heapgraph::HeapSink& sink_;
  const heapgraph::HeapSource::Wants wants_;
  std::optional<uint64_t> size_;

  bool has_params_ = false;
  GoVersion version_;
  GoHints hints_;
  GoSlots slots_;
  GoGoroutine goroutine_;
  std::optional<GoPhantoms> phantoms_;

  uint64_t needed_ = 0;  // bytes that a record that came too short wants at least
  LongRecord long_;
  uint64_t long_told_ = 0;  // bytes of the segment told, or whether the object was
  std::vector<heapgraph::Reference> piece_;
  std::vector<heapgraph::Reference> finalizers_;
  uint64_t finalizer_records_ = 0;
  uint64_t objects_ = 0, alloc_samples_ = 0, threads_ = 0;

  std::string unsupported_;  // the dump is whole but of a kind that is not read
  std::string wrong_;        // of the record at hand
  std::string damage_;
};

}  // namespace tidemark::goheap
