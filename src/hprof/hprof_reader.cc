#include "hprof/hprof_reader.h"

#include <optional>
#include <thread>

#include "base/gzip_source.h"
#include "base/replay_source.h"
#include "hprof/batch_decoder.h"
#include "hprof/prescan.h"
#include "hprof/record_walker.h"
#include "hprof/root_events.h"

namespace tidemark {
namespace {

using heapgraph::HeapSink;
using heapgraph::ReadOutcome;
using namespace hprof;  // NOLINT: the parts of this reader

constexpr size_t kWindowBytes = size_t{48} << 20;   // at most: a record of 16 MiB may need it
constexpr size_t kReplayBytes = size_t{128} << 20;  // of a pipe, for the classes before its objects
constexpr size_t kReplaySlack = size_t{4} << 20;
constexpr uint64_t kSmallDumpBytes = 1 << 16;  // not worth a second thread

class HprofSource : public heapgraph::HeapSource {
 public:
  HprofSource(std::unique_ptr<ReplaySource> source, char version, uint32_t id_bytes,
              HprofOptions options)
      : source_(std::move(source)),
        format_(std::string("hprof 1.0.") + version),
        options_(options),
        index_(id_bytes) {}

  std::string_view format() const override { return format_; }

  Result<ReadOutcome> Read(HeapSink& sink, Wants wants) override {
    TIDEMARK_RETURN_IF_ERROR(Look());
    TIDEMARK_RETURN_IF_ERROR(source_->Rewind());
    source_->Forget();
    if (index_.id_bytes() == 8) {
      return wants.references ? ReadAs<8, true>(sink) : ReadAs<8, false>(sink);
    }
    return wants.references ? ReadAs<4, true>(sink) : ReadAs<4, false>(sink);
  }

 private:
  // The first look, once.
  Result<void> Look() {
    if (prescan_) return {};
    TIDEMARK_RETURN_IF_ERROR(source_->Rewind());
    ByteCursor cursor(*source_, kWindowBytes);
    TIDEMARK_RETURN_IF_ERROR(cursor.Skip(kHeaderBytes));
    const uint64_t max_offset = source_->rewinds() ? ~uint64_t{0} : kReplayBytes - kReplaySlack;
    TIDEMARK_ASSIGN_OR_RETURN(prescan_, Prescan(cursor, max_offset, index_));
    return {};
  }

  template <uint32_t kIdBytes, bool kReferences>
  Result<ReadOutcome> ReadAs(HeapSink& sink) {
    ClassPlans plans(index_, prescan_->layout, options_.mat_compat);
    plans.Make(sink);
    RootEvents roots(index_, plans, sink);
    DeferredInstances deferred;
    DecodeCounts counts;
    const uint32_t class_label = sink.Intern("<class>");
    BatchDecoder<kIdBytes, kReferences> decoder(index_, plans, prescan_->end,
                                                options_.max_references, &deferred, counts);
    decoder.class_label = class_label;

    ReadOutcome outcome;
    Result<void> walked;
    if (source_->size().value_or(~uint64_t{0}) <= kSmallDumpBytes) {
      EventBatch batch;
      TellFrom(batch, decoder, sink, roots);
      walked = Walk<kIdBytes>(decoder, outcome);
      Tell(batch, sink, roots);
    } else {
      BatchQueue queue;
      std::thread reader([&] { walked = WalkInto<kIdBytes>(queue, decoder, outcome); });
      while (auto batch = queue.TakeFull()) {
        Tell(*batch, sink, roots);
        queue.GiveBack(std::move(batch));
      }
      reader.join();
    }
    TIDEMARK_RETURN_IF_ERROR(walked);
    prescan_->end = std::max(prescan_->end, outcome.bytes);

    if (!deferred.instances.empty() || plans.count() < index_.classes.classes.size()) {
      plans.Make(sink);
    }
    TellDeferred<kIdBytes, kReferences>(plans, deferred, class_label, counts, sink, roots);
    roots.TellClasses();
    roots.TellThreads();
    TellFacts(counts, deferred, plans, sink);
    return outcome;
  }

  // On a thread of its own.
  template <uint32_t kIdBytes, typename Decoder>
  Result<void> WalkInto(BatchQueue& queue, Decoder& decoder, ReadOutcome& outcome) {
    std::unique_ptr<EventBatch> batch = queue.TakeEmpty();
    decoder.batch = batch.get();
    decoder.flush = [&] {
      const uint64_t offset = batch->offset;
      queue.PushFull(std::move(batch));
      batch = queue.TakeEmpty();
      batch->offset = offset;
      decoder.batch = batch.get();
    };
    const Result<void> status = Walk<kIdBytes>(decoder, outcome);
    queue.PushFull(std::move(batch));
    queue.Close();
    return status;
  }

  template <uint32_t kIdBytes, typename Decoder>
  Result<void> Walk(Decoder& decoder, ReadOutcome& outcome) {
    ByteCursor cursor(*source_, kWindowBytes);
    TIDEMARK_RETURN_IF_ERROR(cursor.Skip(kHeaderBytes));
    RecordWalker<kIdBytes, Decoder> walker(cursor, source_->size(), decoder);
    const Result<void> status = walker.Run();
    outcome = {cursor.offset(), walker.damage()};
    return status;
  }

  // What the decoder puts into `batch` is told whenever it is full; the caller tells the rest.
  template <typename Decoder>
  static void TellFrom(EventBatch& batch, Decoder& decoder, HeapSink& sink, RootEvents& roots) {
    decoder.batch = &batch;
    decoder.flush = [&] {
      Tell(batch, sink, roots);
      batch.Clear();
    };
  }

  static void Tell(const EventBatch& batch, HeapSink& sink, RootEvents& roots) {
    uint64_t begin = 0;
    for (const EventBatch::Object& object : batch.objects()) {
      const std::span references(batch.reference_room.data() + begin,
                                 batch.reference_room.data() + object.reference_end);
      begin = object.reference_end;
      if (object.kind == EventBatch::Object::kMoreReferences) {
        for (const auto& reference : references) sink.OnReference(object.address, reference);
        continue;
      }
      sink.OnObject({object.address,
                     object.bytes,
                     object.type,
                     references,
                     {},
                     object.kind == EventBatch::Object::kPointerFree});
    }
    for (const EventBatch::Root& root : batch.roots) roots.Add(root);
    sink.OnProgress(batch.offset);
  }

  template <uint32_t kIdBytes, bool kReferences>
  void TellDeferred(const ClassPlans& plans, const DeferredInstances& deferred,
                    uint32_t class_label, DecodeCounts& counts, HeapSink& sink, RootEvents& roots) {
    if (deferred.instances.empty()) return sink.OnProgress(prescan_->end);
    EventBatch batch;
    BatchDecoder<kIdBytes, kReferences> decoder(index_, plans, 0, options_.max_references, nullptr,
                                                counts);
    decoder.class_label = class_label;
    TellFrom(batch, decoder, sink, roots);
    decoder.Decode(deferred);
    batch.offset = prescan_->end;
    Tell(batch, sink, roots);
  }

  void TellFacts(const DecodeCounts& counts, const DeferredInstances& deferred,
                 const ClassPlans& plans, HeapSink& sink) const {
    sink.OnFact({"object layout", plans.layout().Describe()});
    const auto count = [&](std::string_view key, uint64_t value) {
      if (value != 0) sink.OnFact({key, std::to_string(value)});
    };
    count("classes", index_.classes.dumped());
    count("soft references, kept", counts.soft);
    count("weak and phantom references, not followed", counts.weak);
    count("instances of unknown class", counts.unknown_class);
    count("instances before their class, lost", deferred.refused);
    count("instances shorter than their class", counts.wrong_size);
    count("classes over the limit", index_.classes.refused());
    count("names over the limit", index_.names.refused());
    count("stack frames over the limit", index_.frames_refused);
  }

  std::unique_ptr<ReplaySource> source_;
  const std::string format_;
  const HprofOptions options_;
  DumpIndex index_;
  std::optional<PrescanResult> prescan_;
};

}  // namespace

Result<std::unique_ptr<heapgraph::HeapSource>> OpenHprof(std::unique_ptr<ByteSource> source,
                                                         HprofOptions options) {
  TIDEMARK_ASSIGN_OR_RETURN(auto plain, MaybeGunzip(std::move(source)));
  auto replay = std::make_unique<ReplaySource>(std::move(plain), kReplayBytes);
  ByteCursor cursor(*replay, 4096);
  TIDEMARK_ASSIGN_OR_RETURN(const auto head, cursor.Peek(kHeaderBytes));
  const auto* bytes = reinterpret_cast<const uint8_t*>(head.data());
  constexpr size_t kMagicBytes = sizeof kMagic - 1;
  if (head.size() < kHeaderBytes || std::memcmp(bytes, kMagic, kMagicBytes) != 0 ||
      bytes[kMagicBytes] < '1' || bytes[kMagicBytes] > '3' || bytes[kMagicBytes + 1] != 0) {
    return InvalidArgument(
        "not an HPROF heap dump: it should begin with \"JAVA PROFILE 1.0.\" and 1, 2 or 3");
  }
  const uint32_t id_bytes = LoadBig<uint32_t>(bytes + kMagicBytes + 2);
  if (id_bytes != 4 && id_bytes != 8) {
    return InvalidArgument("HPROF with ids of " + std::to_string(id_bytes) +
                           " bytes (at offset 19): they have 4 or 8");
  }
  const char version = static_cast<char>(bytes[kMagicBytes]);
  return std::unique_ptr<heapgraph::HeapSource>(
      std::make_unique<HprofSource>(std::move(replay), version, id_bytes, options));
}

}  // namespace tidemark
