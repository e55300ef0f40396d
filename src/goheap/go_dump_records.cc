// The records of a Go heap dump that are no memory.
#include <array>

#include "goheap/go_dump_reading.h"

namespace tidemark::goheap {
namespace {

using heapgraph::Label;
using heapgraph::RootKind;

constexpr size_t kMaxFinalizers = 1 << 16;  // references in one holder

// Among the 281 numbers of record 10, which are those of runtime.MemStats in its order.
constexpr size_t kMemStats = 281;
constexpr std::array<std::pair<size_t, std::string_view>, 8> kMemStatFacts = {{
    {2, "runtime sys bytes"},
    {6, "runtime bytes"},
    {9, "runtime in-use span bytes"},
    {11, "runtime objects"},
    {12, "runtime stack bytes"},
    {21, "next gc bytes"},
    {22, "last gc unix ns"},
    {280, "gc cycles"},
}};

}  // namespace

void GoDumpReading::Fields(GoTag tag, GoFields& fields) {
  const bool of_goroutine = tag == GoTag::kFrame || tag == GoTag::kDefer || tag == GoTag::kPanic;
  if (of_goroutine && !goroutine_.open()) return fields.Fail("belongs to no goroutine");
  if (!of_goroutine) goroutine_.Finish();
  switch (tag) {
    case GoTag::kOtherRoot:
      return OtherRoot(fields);
    case GoTag::kType:
      return Type(fields);
    case GoTag::kGoroutine:
      return Goroutine(fields);
    case GoTag::kFrame:
      return Frame(fields);
    case GoTag::kParams:
      return Params(fields);
    case GoTag::kFinalizer:
      return Finalizer(fields, false);
    case GoTag::kItab:
      return Itab(fields);
    case GoTag::kThread:
      return Thread(fields);
    case GoTag::kMemStats:
      return MemStats(fields);
    case GoTag::kQueuedFinalizer:
      return Finalizer(fields, true);
    case GoTag::kData:
    case GoTag::kBss:
      return Segment(tag, fields);
    case GoTag::kDefer:
      return Defer(fields);
    case GoTag::kPanic:
      return Panic(fields);
    case GoTag::kMemProf:
      return MemProf(fields);
    case GoTag::kAllocSample:
      return AllocSample(fields);
    case GoTag::kObject:  // Objects() reads them
    case GoTag::kEnd:
      return;
  }
}

void GoDumpReading::Params(GoFields& fields) {
  const bool big_endian = fields.Bool();
  const uint64_t pointer_bytes = fields.Number();
  const uint64_t begin = fields.Number(), end = fields.Number();
  const std::string_view arch = fields.Text(), version = fields.Text();
  const uint64_t cpus = fields.Number();
  if (fields.failed()) return;
  if (has_params_) return fields.Fail("comes a second time");
  if (begin > end || end > kDescriptorMask) return fields.Fail("arenas end before they begin");
  if (big_endian || pointer_bytes != 8) {
    unsupported_ = "a heap dump of " + std::string(arch) + ": " +
                   (big_endian ? "big-endian, " : "") + std::to_string(pointer_bytes) +
                   "-byte pointers; only 64-bit little-endian ones are read";
    return;
  }
  has_params_ = true;
  version_ = ParseGoVersion(version);
  phantoms_.emplace(version_, sink_);
  hints_.SetArenas(begin, end);
  slots_.SetArenas(begin, end);
  sink_.OnFact({.key = "go version", .value = version});
  sink_.OnFact({.key = "arch", .value = arch});
  Fact("cpus", cpus);
}

void GoDumpReading::Type(GoFields& fields) {
  const uint64_t descriptor = fields.Number(), bytes = fields.Number();
  const std::string_view name = fields.Text();
  const bool data_is_pointer = fields.Bool();
  if (fields.failed()) return;
  if (descriptor == 0 || descriptor > kDescriptorMask) return fields.Fail("no address of a type");
  hints_.AddType(descriptor, bytes, name, data_is_pointer, sink_);
}

void GoDumpReading::Itab(GoFields& fields) {
  const uint64_t itab = fields.Number(), descriptor = fields.Number();
  if (fields.failed()) return;
  if (itab == 0 || itab > kDescriptorMask || descriptor > kDescriptorMask) {
    return fields.Fail("no address of an itab and a type");
  }
  hints_.AddItab(itab, descriptor);
}

void GoDumpReading::OtherRoot(GoFields& fields) {
  const std::string_view description = fields.Text();
  const heapgraph::Reference target{.target = fields.Number()};
  if (fields.failed()) return;
  sink_.OnHolder({.kind = RootKind::kOther,
                  .name = description,
                  .references = {&target, wants_.references ? size_t{1} : size_t{0}}});
}

void GoDumpReading::Goroutine(GoFields& fields) {
  const uint64_t address = fields.Number();
  fields.Number();  // its stack pointer
  const uint64_t id = fields.Number();
  fields.Number();  // pc of the go statement
  const uint64_t status = fields.Number();
  const bool system = fields.Bool();
  fields.Bool();    // background: always 0
  fields.Number();  // waits since
  const std::string_view reason = fields.Text();
  const uint64_t context = fields.Number();
  fields.Number();  // its thread
  const uint64_t defers = fields.Number(), panics = fields.Number();
  if (fields.failed()) return;
  goroutine_.Begin(id, address, status, system, reason);
  goroutine_.Add("g", {.target = address});
  goroutine_.Add("sched.ctxt", {.target = context});
  goroutine_.Add("defers", {.target = defers});
  goroutine_.Add("panics", {.target = panics});
}

void GoDumpReading::Thread(GoFields& fields) {
  for (int field = 0; field < 3; ++field) fields.Number();  // its m, that's id, the system's id
  if (!fields.failed()) ++threads_;
}

void GoDumpReading::Defer(GoFields& fields) {
  const uint64_t address = fields.Number();
  for (int field = 0; field < 3; ++field) fields.Number();  // goroutine, sp, pc
  const uint64_t closure = fields.Number();
  for (int field = 0; field < 2; ++field) fields.Number();  // fn's pc, the next
  if (fields.failed()) return;
  goroutine_.Add("defer", {.target = address});
  goroutine_.Add("deferred function", {.target = closure});
}

void GoDumpReading::Panic(GoFields& fields) {
  const uint64_t address = fields.Number();
  fields.Number();  // goroutine
  const uint64_t type = fields.Number(), value = fields.Number();
  for (int field = 0; field < 2; ++field) fields.Number();  // unused, the next
  if (fields.failed()) return;
  goroutine_.Add("panic", {.target = address});
  goroutine_.Add("panic value", {.target = value, .target_type = hints_.Of(type, sink_)});
}

void GoDumpReading::Finalizer(GoFields& fields, bool queued) {
  const uint64_t object = fields.Number(), closure = fields.Number();
  for (int field = 0; field < 3; ++field) fields.Number();  // pc, types of argument and object
  if (fields.failed()) return;
  ++finalizer_records_;
  if (wants_.references) {
    // One that is registered does not keep its object alive; one that is queued does.
    finalizers_.push_back({closure, Label(Label::Kind::kName, sink_.Intern("finalizer"))});
    const Label label(Label::Kind::kName, sink_.Intern("object to finalize"));
    if (queued) finalizers_.push_back({object, label});
  }
  TellFinalizers(false);
}

// Cut by the count of records alone, so that every reading cuts alike.
void GoDumpReading::TellFinalizers(bool last) {
  const bool full = finalizer_records_ == kMaxFinalizers;
  if (finalizer_records_ == 0 || (!full && !last)) return;
  sink_.OnHolder(
      {.kind = RootKind::kFinalizer, .name = "runtime finalizers", .references = finalizers_});
  finalizers_.clear();
  finalizer_records_ = 0;
}

void GoDumpReading::MemStats(GoFields& fields) {
  std::array<uint64_t, kMemStats> numbers;
  for (uint64_t& number : numbers) number = fields.Number();
  if (fields.failed()) return;
  for (const auto& [index, key] : kMemStatFacts) Fact(key, numbers[index]);
}

// Not told: stacks of allocations are a profile's business, and few objects have one.
void GoDumpReading::MemProf(GoFields& fields) {
  fields.Number();  // its id
  fields.Number();  // bytes of an object
  for (uint64_t frames = fields.Number(); frames > 0 && !fields.failed(); --frames) {
    fields.Text();    // function
    fields.Text();    // file
    fields.Number();  // line
  }
  fields.Number();  // allocations
  fields.Number();  // frees
}

void GoDumpReading::AllocSample(GoFields& fields) {
  fields.Number();  // an object's address
  fields.Number();  // the bucket's id
  if (!fields.failed()) ++alloc_samples_;
}

}  // namespace tidemark::goheap
