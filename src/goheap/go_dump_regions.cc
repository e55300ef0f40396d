// The records of a Go heap dump that are memory: objects, stack frames, the data and bss segments.
#include <algorithm>

#include "goheap/go_dump_reading.h"
#include "goheap/go_spool.h"

namespace tidemark::goheap {
namespace {

using heapgraph::Reference;
using heapgraph::RootKind;

constexpr uint64_t kLongRoom = uint64_t{1} << 16;  // references told at a time

std::string_view SegmentName(GoTag tag) { return tag == GoTag::kData ? "data" : "bss"; }

}  // namespace

TypeKey GoDumpReading::HeaderOf(const std::byte* contents, uint64_t length) const {
  if (!version_.malloc_headers || length <= kMaxHeaderless || length > kMaxSizeClass) return 0;
  const uint64_t word = LoadWord(contents);
  // A slot of the largest class may be four pages of one large object, which has no header: its
  // first word is then often a pointer. Types made by reflect, which lie in the heap, lose by this.
  if (length == kMaxSizeClass && hints_.InArenas(word)) return 0;
  return hints_.MayBeDescriptor(word) ? word : 0;
}

template <bool kReferences>
GoDumpReading::Step GoDumpReading::Objects(const std::byte*& at, const std::byte* end) {
  const bool headers = version_.malloc_headers;
  while (at != end && *at == std::byte{static_cast<uint8_t>(GoTag::kObject)}) {
    const std::byte* p = at + 1;
    uint64_t address = 0, length = 0;
    if (!ReadNumber(p, end, address) || !ReadNumber(p, end, length) || length > kInWindow ||
        !has_params_) {
      return UnusualObject(at, end);
    }
    if (static_cast<uint64_t>(end - p) < length) {
      needed_ = static_cast<uint64_t>(p - at) + length;
      return Step::kShort;
    }
    const std::byte* const contents = p;
    p += length;
    GoRegion region{.contents = kReferences ? contents : nullptr,
                    .length = length,
                    .header = headers && length > kMaxHeaderless && length <= kMaxSizeClass};
    slots_.Begin(length / 8);
    const SlotsEnd slots = slots_.Read(p, end, region);
    if (slots == SlotsEnd::kShort) return Step::kShort;
    if (slots != SlotsEnd::kDone) {
      wrong_ = slots_.wrong();
      return Step::kWrong;
    }
    TellObject(address, {contents, static_cast<size_t>(length)}, region.any);
    at = p;
  }
  return Step::kNext;
}

template GoDumpReading::Step GoDumpReading::Objects<true>(const std::byte*&, const std::byte*);
template GoDumpReading::Step GoDumpReading::Objects<false>(const std::byte*&, const std::byte*);

void GoDumpReading::TellObject(uint64_t address, std::span<const std::byte> contents,
                               bool lists_pointers) {
  heapgraph::ObjectEvent event{.address = address,
                               .bytes = contents.size(),
                               .references = slots_.references(),
                               .pointer_free = !lists_pointers};
  if (lists_pointers) event.type = HeaderOf(contents.data(), contents.size());
  if (wants_.contents) event.contents = contents;
  ++objects_;
  if (phantoms_->Pass(event, lists_pointers)) sink_.OnObject(event);
}

// An object whose first fields are cut or wrong, or whose memory is too long for the window.
GoDumpReading::Step GoDumpReading::UnusualObject(const std::byte*& at, const std::byte* end) {
  GoFields fields(at + 1, end);
  if (!has_params_) fields.Fail("comes before the params");
  const uint64_t address = fields.Number();
  long_ = {};
  ContentsLength(GoTag::kObject, address, fields);
  if (fields.is_short()) return Step::kShort;
  if (fields.failed()) {
    wrong_ = fields.wrong();
    return Step::kWrong;
  }
  at = fields.at();
  return Step::kLong;
}

uint64_t GoDumpReading::ContentsLength(GoTag tag, uint64_t address, GoFields& fields) {
  const uint64_t length = fields.Number();
  if (length > kMaxContents) {
    fields.Fail("contents of " + std::to_string(length) + " bytes, more than Go writes");
  }
  const uint64_t offset = cursor_.offset();
  if (length > kInWindow && size_ && (offset > *size_ || length > *size_ - offset)) {
    fields.Fail("contents of " + std::to_string(length) + " bytes in a dump of " +
                std::to_string(*size_));
  }
  if (!fields.failed() && length > kInWindow) {
    long_ = {.tag = tag, .address = address, .length = length};
  }
  return length;
}

std::span<const std::byte> GoDumpReading::Contents(uint64_t length, GoFields& fields) {
  if (fields.failed()) return {};
  if (fields.left() < length) {
    fields.MarkShort();
    needed_ = length + kMaxText;
    return {};
  }
  const std::span<const std::byte> contents(fields.at(), static_cast<size_t>(length));
  fields.set_at(fields.at() + length);
  return contents;
}

void GoDumpReading::RegionSlots(GoFields& fields, GoRegion& region, uint64_t room) {
  if (fields.failed()) return;
  slots_.Begin(room);
  const std::byte* at = fields.at();
  const SlotsEnd end = slots_.Read(at, fields.end(), region);
  fields.set_at(at);
  if (end == SlotsEnd::kShort) fields.MarkShort();
  if (end == SlotsEnd::kFull) fields.Fail("more slots than its memory has words");
  if (end == SlotsEnd::kWrong) fields.Fail(slots_.wrong());
}

void GoDumpReading::Frame(GoFields& fields) {
  const uint64_t sp = fields.Number();
  for (int field = 0; field < 2; ++field) fields.Number();  // depth, the callee's sp
  const uint64_t length = ContentsLength(GoTag::kFrame, sp, fields);
  if (long_.length > 0) return;
  const auto contents = Contents(length, fields);
  const std::string_view function = FrameFunction(fields);
  GoRegion region{.contents = wants_.references ? contents.data() : nullptr,
                  .length = length,
                  .ordered = false,
                  .hints = false};  // words beside a slot may be left over from earlier calls
  // Arguments of callees and locals are listed one after the other, and may overlap.
  RegionSlots(fields, region, length / 4 + 8);
  if (fields.failed()) return;
  goroutine_.AddFrame(function);
  goroutine_.AddSlots(slots_.references());
  goroutine_.CountSlots(length / 8);
}

std::string_view GoDumpReading::FrameFunction(GoFields& fields) {
  for (int field = 0; field < 3; ++field) fields.Number();  // entry, pc, where it goes on
  return fields.Text();
}

void GoDumpReading::Segment(GoTag tag, GoFields& fields) {
  const uint64_t address = fields.Number();
  const uint64_t length = ContentsLength(tag, address, fields);
  if (long_.length > 0) return;
  const auto contents = Contents(length, fields);
  GoRegion region{.contents = wants_.references ? contents.data() : nullptr, .length = length};
  RegionSlots(fields, region, length / 8);
  if (fields.failed()) return;
  sink_.OnHolder({.kind = RootKind::kSegment,
                  .name = SegmentName(tag),
                  .address = address,
                  .bytes = length,
                  .references = slots_.references(),
                  .contents = wants_.contents ? contents : std::span<const std::byte>()});
}

// The window stands at the first byte of the contents.
Result<void> GoDumpReading::ReadLong() {
  std::optional<GoSpool> spool;
  if (wants_.references || wants_.contents) {
    auto copied = GoSpool::Copy(cursor_, long_.length);
    if (!copied) return LongError(copied.error());
    spool.emplace(std::move(*copied));
  } else if (auto skipped = cursor_.Skip(long_.length); !skipped) {
    return LongError(skipped.error());
  }
  if (long_.tag == GoTag::kFrame) {
    auto bytes = cursor_.Peek(std::min(cursor_.max_window(), size_t{kMaxText + 64}));
    if (!bytes) return LongError(bytes.error());
    GoFields fields(bytes->data(), bytes->data() + bytes->size());
    const std::string_view function = FrameFunction(fields);
    if (fields.failed()) {
      Damage(cursor_.offset(), GoTagName(long_.tag),
             fields.is_short() ? "the dump ends within it" : fields.wrong());
      return {};
    }
    goroutine_.AddFrame(function);
    cursor_.Advance(static_cast<size_t>(fields.at() - bytes->data()));
  }
  return ReadLongSlots(spool ? &*spool : nullptr);
}

// What the source or the temporary file refused; damage when it is the dump's fault.
Result<void> GoDumpReading::LongError(const Error& error) {
  if (error.code != ErrorCode::kCorrupt) return error;
  Damage(cursor_.offset(), GoTagName(long_.tag), error.message);
  return {};
}

Result<void> GoDumpReading::ReadLongSlots(GoSpool* spool) {
  const bool of_frame = long_.tag == GoTag::kFrame;
  const auto contents = spool != nullptr ? spool->bytes() : std::span<const std::byte>();
  GoRegion region{.contents = wants_.references ? contents.data() : nullptr,
                  .length = long_.length,
                  .hints = !of_frame};
  long_told_ = 0;
  slots_.Begin(kLongRoom);
  for (size_t ask = 1;;) {
    auto bytes = cursor_.Peek(ask);
    if (!bytes) return LongError(bytes.error());
    const std::byte* at = bytes->data();
    const std::byte* const end = at + bytes->size();
    const SlotsEnd result = slots_.Read(at, end, region);
    const auto left = static_cast<size_t>(end - at);
    cursor_.Advance(bytes->size() - left);
    sink_.OnProgress(cursor_.offset());
    if (result == SlotsEnd::kWrong) {
      Damage(cursor_.offset(), GoTagName(long_.tag), slots_.wrong());
      return {};
    }
    if (result == SlotsEnd::kShort && bytes->size() < ask) {
      Damage(cursor_.offset(), GoTagName(long_.tag), "the dump ends within it");
      return {};
    }
    if (result != SlotsEnd::kShort) LongSlots(region, contents, result == SlotsEnd::kDone);
    if (result == SlotsEnd::kDone) return {};
    if (spool != nullptr) spool->Forget(region.next);
    ask = result == SlotsEnd::kFull ? 1 : left + 1;
  }
}

// Tells the references read so far; the first time the object itself, at the end what is left of a
// segment.
void GoDumpReading::LongSlots(const GoRegion& region, std::span<const std::byte> contents,
                              bool last) {
  switch (long_.tag) {
    case GoTag::kFrame:
      LongFrame(last);
      break;
    case GoTag::kObject:
      LongObject(region, contents);
      break;
    default:
      LongSegment(contents, last);
      break;
  }
  slots_.Clear();
}

// The goroutine is told in parts, cut by the length of the frame alone.
void GoDumpReading::LongFrame(bool last) {
  for (const Reference& reference : slots_.references()) {
    for (; reference.label.number() >= long_told_ + kInWindow; long_told_ += kInWindow) {
      goroutine_.CountSlots(kInWindow / 8);
    }
    goroutine_.AddSlots({&reference, 1});
  }
  for (; last && long_told_ < long_.length; long_told_ += kInWindow) {
    goroutine_.CountSlots(kInWindow / 8);
  }
}

void GoDumpReading::LongObject(const GoRegion& region, std::span<const std::byte> contents) {
  const auto references = slots_.references();
  if (std::exchange(long_told_, 1) != 0) {
    for (const Reference& reference : references) sink_.OnReference(long_.address, reference);
    return;
  }
  ++objects_;
  heapgraph::ObjectEvent event{.address = long_.address,
                               .bytes = long_.length,
                               .references = references,
                               .pointer_free = !region.any};
  if (wants_.contents) event.contents = contents;
  sink_.OnObject(event);
}

// In pieces of kInWindow bytes, each a holder, however few references there are.
void GoDumpReading::LongSegment(std::span<const std::byte> contents, bool last) {
  for (Reference reference : slots_.references()) {
    const uint64_t offset = reference.label.number();
    while (offset >= long_told_ + kInWindow) TellPiece(contents);
    reference.label = heapgraph::Label(heapgraph::Label::Kind::kOffset, offset - long_told_);
    piece_.push_back(reference);
  }
  while (last && long_told_ < long_.length) TellPiece(contents);
}

void GoDumpReading::TellPiece(std::span<const std::byte> contents) {
  const uint64_t bytes = std::min(kInWindow, long_.length - long_told_);
  heapgraph::HolderEvent event{.kind = RootKind::kSegment,
                               .name = SegmentName(long_.tag),
                               .address = long_.address + long_told_,
                               .bytes = bytes,
                               .references = piece_};
  if (wants_.contents) event.contents = contents.subspan(long_told_, bytes);
  sink_.OnHolder(event);
  piece_.clear();
  long_told_ += bytes;
}

}  // namespace tidemark::goheap
