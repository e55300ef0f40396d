#include "goheap/go_dump_reader.h"

#include <algorithm>
#include <cstring>

#include "goheap/go_dump_reading.h"

namespace tidemark::goheap {
namespace {

using heapgraph::HeapSink;
using heapgraph::ReadOutcome;

class GoDump : public heapgraph::HeapSource {
 public:
  explicit GoDump(std::unique_ptr<ByteSource> bytes) : bytes_(std::move(bytes)) {}
  std::string_view format() const override { return "go heap dump"; }
  Result<ReadOutcome> Read(HeapSink& sink, Wants wants) override {
    if (read_before_) TIDEMARK_RETURN_IF_ERROR(bytes_->Rewind());
    read_before_ = true;
    return GoDumpReading(*bytes_, sink, wants).Run();
  }

 private:
  const std::unique_ptr<ByteSource> bytes_;
  bool read_before_ = false;
};

std::string At(uint64_t offset, std::string_view record, std::string_view what) {
  return "offset " + std::to_string(offset) + ": " + std::string(record) + ": " + std::string(what);
}

std::string_view RecordName(std::span<const std::byte> bytes) {
  const auto tag = bytes.empty() ? 0 : static_cast<uint64_t>(bytes[0]);
  return tag == 0 || tag >= kGoTags ? "record" : GoTagName(static_cast<GoTag>(tag));
}

// No larger than the dump, so that small ones cost little.
size_t WindowFor(const ByteSource& source) {
  constexpr uint64_t kMaxWindow = uint64_t{4} << 20;
  const uint64_t size = std::min(source.size().value_or(kMaxWindow), kMaxWindow);
  return static_cast<size_t>(std::max<uint64_t>(size + 1, kGoDumpMagic.size()));
}

}  // namespace

bool IsGoDump(std::span<const std::byte> beginning) {
  return beginning.size() >= kGoDumpMagic.size() &&
         std::memcmp(beginning.data(), kGoDumpMagic.data(), kGoDumpMagic.size()) == 0;
}

std::unique_ptr<heapgraph::HeapSource> OpenGoDump(std::unique_ptr<ByteSource> bytes) {
  return std::make_unique<GoDump>(std::move(bytes));
}

GoDumpReading::GoDumpReading(ByteSource& source, HeapSink& sink, heapgraph::HeapSource::Wants wants)
    : cursor_(source, WindowFor(source)),
      sink_(sink),
      wants_(wants),
      size_(source.size()),
      slots_(hints_, sink),
      goroutine_(sink, wants.references) {}

Result<ReadOutcome> GoDumpReading::Run() {
  TIDEMARK_ASSIGN_OR_RETURN(const auto magic, cursor_.Peek(kGoDumpMagic.size()));
  if (!IsGoDump(magic)) return InvalidArgument("offset 0: not a Go heap dump");
  cursor_.Advance(kGoDumpMagic.size());

  size_t ask = 1;
  while (damage_.empty()) {
    auto bytes = cursor_.Peek(ask);
    if (!bytes && bytes.error().code == ErrorCode::kIo) return bytes.error();
    if (!bytes) {
      Damage(cursor_.offset(), "record", bytes.error().message);
      break;
    }
    const std::byte* at = bytes->data();
    const std::byte* const end = at + bytes->size();
    const Step step = Records(at, end);
    cursor_.Advance(static_cast<size_t>(at - bytes->data()));
    sink_.OnProgress(cursor_.offset());
    if (!unsupported_.empty()) return InvalidArgument(unsupported_);
    if (step == Step::kEnd) break;
    const std::span<const std::byte> left(at, end);
    if (step == Step::kWrong) {
      Damage(cursor_.offset(), RecordName(left), wrong_);
    } else if (step == Step::kLong) {
      TIDEMARK_RETURN_IF_ERROR(ReadLong());
      ask = 1;
    } else if (left.size() < ask && at == bytes->data()) {
      Damage(cursor_.offset(), RecordName(left),
             left.empty() ? "the dump ends without its end record" : "the dump ends within it");
    } else if (left.size() == cursor_.max_window()) {
      Damage(cursor_.offset(), RecordName(left),
             "is longer than " + std::to_string(left.size()) + " bytes");
    } else {
      const uint64_t wanted = std::max<uint64_t>(left.size() + 1, needed_);
      ask = static_cast<size_t>(std::min<uint64_t>(wanted, cursor_.max_window()));
    }
  }
  Finish();
  if (!damage_.empty() && objects_ == 0) return Corrupt(damage_);
  return ReadOutcome{.bytes = cursor_.offset(), .damage = damage_};
}

GoDumpReading::Step GoDumpReading::Records(const std::byte*& at, const std::byte* end) {
  needed_ = 0;
  while (at != end) {
    const Step step = *at != std::byte{1} ? Record(at, end)
                      : wants_.references ? Objects<true>(at, end)
                                          : Objects<false>(at, end);
    if (step != Step::kNext) return step;
  }
  return Step::kShort;
}

GoDumpReading::Step GoDumpReading::Record(const std::byte*& at, const std::byte* end) {
  GoFields fields(at, end);
  const uint64_t tag = fields.Number();
  if (fields.is_short()) return Step::kShort;
  if (tag >= kGoTags) fields.Fail("tag " + std::to_string(tag) + " is unknown");
  if (!has_params_ && static_cast<GoTag>(tag) != GoTag::kParams) {
    fields.Fail("comes before the params");
  }
  if (!fields.failed() && static_cast<GoTag>(tag) == GoTag::kEnd) {
    at = fields.at();
    return Step::kEnd;
  }
  long_ = {};
  if (!fields.failed()) Fields(static_cast<GoTag>(tag), fields);
  if (fields.is_short()) return Step::kShort;
  if (fields.failed()) {
    wrong_ = fields.wrong();
    return Step::kWrong;
  }
  at = fields.at();
  return long_.length > 0 ? Step::kLong : Step::kNext;
}

void GoDumpReading::Damage(uint64_t offset, std::string_view record, std::string_view what) {
  if (damage_.empty()) damage_ = At(offset, record, what);
}

void GoDumpReading::Fact(std::string_view key, uint64_t number) {
  sink_.OnFact({.key = key, .value = std::to_string(number)});
}

void GoDumpReading::Finish() {
  goroutine_.Finish();
  TellFinalizers(true);
  if (phantoms_) phantoms_->Finish();
  if (damage_.empty() && size_ && *size_ > cursor_.offset()) {
    Damage(cursor_.offset(), "end",
           std::to_string(*size_ - cursor_.offset()) + " bytes follow the end of the dump");
  }
  if (!has_params_) return;
  Fact("goroutines", goroutine_.count());
  Fact("threads", threads_);
  Fact("phantom objects dropped", phantoms_->dropped());
  if (wants_.references) Fact("pointers out of the heap", slots_.outside());
  if (alloc_samples_ > 0) Fact("allocation samples", alloc_samples_);
  if (hints_.refused() > 0) Fact("types and itabs over the limit", hints_.refused());
}

}  // namespace tidemark::goheap
