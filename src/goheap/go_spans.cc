#include "goheap/go_spans.h"

#include <algorithm>
#include <cstring>

#include "goheap/go_types.h"
#include "goheap/name_numbers.h"

namespace tidemark::goheap {
namespace {

using heapgraph::GrowingArray;
using heapgraph::HeapGraph;
using heapgraph::ObjectId;

constexpr size_t kMaxName = 256;
constexpr std::string_view kPackage = "go.opentelemetry.io/otel/sdk/trace.";

// Offsets in a recordingSpan.
struct SpanLayout {
  uint64_t kind = 0, name = 0, start = 0, end = 0, context = 0;
  // A graph-only file keeps the ids, trace and span, of a sample only: most spans end before them.
  uint64_t needed() const { return end + 16; }
  uint64_t needed_for_ids() const { return context + 24; }
};
constexpr SpanLayout kSince1_20 = {88, 96, 112, 136, 192};
constexpr SpanLayout kBefore1_20 = {72, 80, 96, 120, 176};

template <typename T>
T At(std::span<const std::byte> bytes, uint64_t offset) {
  T value{};
  if (offset + sizeof(T) <= bytes.size()) std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

constexpr int64_t DaysBefore(int64_t year) {
  return (year - 1) * 365 + (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400;
}
constexpr int64_t kUnixFromYear1 = DaysBefore(1970) * 86'400;
constexpr int64_t kWallFromYear1 = DaysBefore(1885) * 86'400;

// A time.Time: {wall uint64, ext int64}. 0 = the zero time. Source: Go's src/time/time.go.
int64_t UnixNs(std::span<const std::byte> bytes, uint64_t offset) {
  const auto wall = At<uint64_t>(bytes, offset);
  const auto ext = At<int64_t>(bytes, offset + 8);
  if (wall == 0 && ext == 0) return 0;
  const bool monotonic = wall >> 63 != 0;
  const int64_t from_year_1 =
      monotonic ? kWallFromYear1 + static_cast<int64_t>(wall << 1 >> 31) : ext;
  const int64_t seconds = from_year_1 - kUnixFromYear1;
  constexpr int64_t kMaxSeconds = 9'000'000'000;  // what fits in 64 bits of nanoseconds
  return std::clamp(seconds, -kMaxSeconds, kMaxSeconds) * 1'000'000'000 +
         static_cast<int64_t>(wall & ((1u << 30) - 1));
}

// Listens to objects and their contents only.
class ContentsSink : public heapgraph::HeapSink {
 public:
  uint32_t Intern(std::string_view) override { return 0; }
  void OnType(const heapgraph::TypeEvent&) override {}
  void OnRoot(heapgraph::RootKind, uint64_t) override {}
  void OnHolder(const heapgraph::HolderEvent&) override {}
  void OnReference(uint64_t, const heapgraph::Reference&) override {}
  void OnFact(const heapgraph::FactEvent&) override {}
  void OnProgress(uint64_t) override {}
};

class SpanReader : public ContentsSink {
 public:
  SpanReader(const HeapGraph& graph, const GoExecutable* executable, uint64_t slide,
             heapgraph::Scratch& scratch)
      : graph_(graph), scratch_(scratch), spans_(scratch) {
    for (const auto& type : graph.types()) layouts_.push_back(LayoutOf(type, executable, slide));
  }

  bool any() const {
    return std::any_of(layouts_.begin(), layouts_.end(),
                       [](const Candidate& each) { return each.is_span; });
  }

  void OnObject(const heapgraph::ObjectEvent& object) override {
    scratch_.BreatheAt(told_++);
    if (!status_ || object.contents.size() < kBefore1_20.needed()) return;
    const ObjectId id = ObjectAt(object.address);
    if (id == heapgraph::kNoObject) return;
    const Candidate& candidate = layouts_[graph_.type(id)];
    if (!candidate.is_span) return;
    status_ = spans_.Reserve(1);
    if (!status_) return;
    if (candidate.known) {
      Keep(id, object.contents, candidate.layout);
    } else if (Plausible(object.contents, kSince1_20)) {
      Keep(id, object.contents, kSince1_20);
    } else if (Plausible(object.contents, kBefore1_20)) {
      Keep(id, object.contents, kBefore1_20);
    } else {
      ++implausible_;
    }
  }

  Result<void> status() const { return status_; }
  uint64_t implausible() const { return implausible_; }
  NameNumbers& names() { return names_; }
  Result<heapgraph::Array<GoSpan>> Finish() {
    NumberNames();
    return spans_.Finish();
  }

 private:
  // Spans whose names are numbered together: the table's memory was asked for by then.
  struct Unnamed {
    uint64_t span;  // in spans_
    NameAt name;
  };
  static constexpr size_t kUnnamed = 32;
  struct Candidate {
    bool is_span = false, known = false;
    SpanLayout layout;
  };

  static Candidate LayoutOf(const heapgraph::Type& type, const GoExecutable* executable,
                            uint64_t slide) {
    Candidate candidate;
    if (type.name.starts_with(kPackage)) candidate.is_span = true;
    if (type.name == "trace.recordingSpan") candidate.is_span = true;
    if (!candidate.is_span || executable == nullptr) return candidate;
    const GoType* go = executable->TypeAt(DescriptorOf(type.key) - slide);
    if (go == nullptr) return candidate;
    uint64_t found = 0;
    for (const GoField& field : go->fields) {
      const auto take = [&](std::string_view name, uint64_t* offset) {
        if (field.name != name) return;
        *offset = field.offset;
        ++found;
      };
      take("spanKind", &candidate.layout.kind);
      take("name", &candidate.layout.name);
      take("startTime", &candidate.layout.start);
      take("endTime", &candidate.layout.end);
      take("spanContext", &candidate.layout.context);
    }
    candidate.known = found == 5;
    return candidate;
  }

  ObjectId ObjectAt(uint64_t address) {
    if (next_ >= graph_.object_count() || graph_.address(next_) != address) {
      next_ = graph_.Find(address);
      if (next_ == heapgraph::kNoObject || graph_.address(next_) != address) {
        return heapgraph::kNoObject;
      }
    }
    return next_++;
  }

  static bool Plausible(std::span<const std::byte> bytes, const SpanLayout& layout) {
    if (bytes.size() < layout.needed()) return false;
    const auto kind = At<int64_t>(bytes, layout.kind);
    const int64_t start = UnixNs(bytes, layout.start), end = UnixNs(bytes, layout.end);
    return kind >= 1 && kind <= 5 && start > 0 && (end == 0 || end >= start) &&
           (bytes.size() < layout.needed_for_ids() ||
            At<uint64_t>(bytes, layout.context + 16) != 0);
  }

  void Keep(ObjectId id, std::span<const std::byte> bytes, const SpanLayout& layout) {
    GoSpan span;
    span.object = id;
    span.start_ns = UnixNs(bytes, layout.start);
    span.end_ns = UnixNs(bytes, layout.end);
    span.trace_id = At<std::array<uint8_t, 16>>(bytes, layout.context);
    span.span_id = At<std::array<uint8_t, 8>>(bytes, layout.context + 16);
    const NameAt name{At<uint64_t>(bytes, layout.name),
                      std::min<uint64_t>(At<uint64_t>(bytes, layout.name + 8), kMaxName)};
    if (name.address != 0 && name.length != 0) {
      names_.Prefetch(name);
      unnamed_.push_back({spans_.size(), name});
    }
    spans_.Push(span);
    if (unnamed_.size() == kUnnamed) NumberNames();
  }

  void NumberNames() {
    for (const Unnamed& each : unnamed_) spans_[each.span].name = names_.Number(each.name);
    unnamed_.clear();
  }

  const HeapGraph& graph_;
  ObjectId next_ = 0;  // the one behind the last that was told: dumps tell them in order, mostly
  heapgraph::Scratch& scratch_;
  std::vector<Candidate> layouts_;  // by type
  GrowingArray<GoSpan> spans_;
  std::vector<Unnamed> unnamed_;
  NameNumbers names_;
  uint64_t implausible_ = 0, told_ = 0;
  Result<void> status_;
};

// Fills in the texts that lie in the heap.
class NameReader : public ContentsSink {
 public:
  NameReader(const NameNumbers& numbers, std::vector<std::string>* names) : names_(*names) {
    for (uint32_t number = 1; number <= numbers.names().size(); ++number) {
      if (names_[number].empty()) wanted_.push_back({numbers.names()[number - 1], number});
    }
    std::sort(wanted_.begin(), wanted_.end(),
              [](const Wanted& a, const Wanted& b) { return a.name.address < b.name.address; });
  }
  bool any() const { return !wanted_.empty(); }

  void OnObject(const heapgraph::ObjectEvent& object) override {
    if (object.contents.empty()) return;
    // Dumps tell objects in order of addresses, mostly.
    if (next_ > 0 && wanted_[next_ - 1].name.address >= object.address) Seek(object.address);
    if (next_ < wanted_.size() && wanted_[next_].name.address < object.address) {
      Seek(object.address);
    }
    for (; next_ < wanted_.size(); ++next_) {
      const Wanted* const wanted = &wanted_[next_];
      const uint64_t offset = wanted->name.address - object.address;
      if (offset >= object.contents.size()) break;
      const auto text = object.contents.subspan(offset);
      const uint64_t length = std::min<uint64_t>(wanted->name.length, text.size());
      names_[wanted->number].assign(reinterpret_cast<const char*>(text.data()), length);
    }
  }

 private:
  struct Wanted {
    NameAt name;
    uint32_t number;
  };

  void Seek(uint64_t address) {
    const auto found = std::lower_bound(
        wanted_.begin(), wanted_.end(), address,
        [](const Wanted& each, uint64_t value) { return each.name.address < value; });
    next_ = static_cast<size_t>(found - wanted_.begin());
  }

  std::vector<Wanted> wanted_;
  size_t next_ = 0;  // the first behind the object that was told last
  std::vector<std::string>& names_;
};

std::vector<std::string> NamesInExecutable(const NameNumbers& numbers,
                                           const GoExecutable* executable, uint64_t slide) {
  std::vector<std::string> names(numbers.names().size() + 1);
  for (uint32_t number = 1; number < names.size(); ++number) {
    if (executable == nullptr) break;
    const NameAt& name = numbers.names()[number - 1];
    const auto text = executable->Bytes(name.address - slide, name.length);
    if (text.size() == name.length) {
      names[number].assign(reinterpret_cast<const char*>(text.data()), text.size());
    }
  }
  return names;
}

}  // namespace

Result<GoSpans> FindSpans(heapgraph::HeapSource& source, const HeapGraph& graph,
                          const GoExecutable* executable, uint64_t slide,
                          heapgraph::Scratch& scratch) {
  GoSpans found;
  SpanReader reader(graph, executable, slide, scratch);
  if (!reader.any()) return found;
  TIDEMARK_RETURN_IF_ERROR(source.Read(reader, {.references = false, .contents = true}));
  TIDEMARK_RETURN_IF_ERROR(reader.status());
  found.implausible = reader.implausible();
  TIDEMARK_ASSIGN_OR_RETURN(found.spans, reader.Finish());
  found.names = NamesInExecutable(reader.names(), executable, slide);
  NameReader names(reader.names(), &found.names);
  if (names.any()) {
    TIDEMARK_RETURN_IF_ERROR(source.Read(names, {.references = false, .contents = true}));
  }
  return found;
}

}  // namespace tidemark::goheap
