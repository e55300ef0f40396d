#include "goheap/go_naming.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

namespace tidemark::goheap {

using heapgraph::HeapSink;
using heapgraph::HolderEvent;
using heapgraph::Label;
using heapgraph::Reference;
using heapgraph::RootKind;

namespace {
constexpr uint64_t kPage = 4096;
}

// Passes everything on but segments.
class NamedGoHeap::Filter : public HeapSink {
 public:
  Filter(HeapSink& sink, const GoExecutable& executable) : sink_(sink), executable_(executable) {}

  uint32_t Intern(std::string_view name) override { return sink_.Intern(name); }
  void OnType(const heapgraph::TypeEvent& type) override { sink_.OnType(type); }
  void OnObject(const heapgraph::ObjectEvent& object) override { sink_.OnObject(object); }
  void OnRoot(RootKind kind, uint64_t address) override { sink_.OnRoot(kind, address); }
  void OnReference(uint64_t source, const Reference& reference) override {
    sink_.OnReference(source, reference);
  }
  void OnProgress(uint64_t done_bytes) override { sink_.OnProgress(done_bytes); }

  void OnFact(const heapgraph::FactEvent& fact) override {
    sink_.OnFact(fact);
    if (fact.key != "go version" || executable_.version().empty()) return;
    // The dump's version may go on with experiments, "go1.26.0 X:nogreenteagc".
    const auto first = [](std::string_view text) { return text.substr(0, text.find(' ')); };
    if (first(fact.value) != first(executable_.version())) {
      Refuse("is of " + executable_.version() + ", the heap of " + std::string(fact.value));
    }
  }

  void OnHolder(const HolderEvent& holder) override {
    if (holder.kind != RootKind::kSegment || refused_ || !FindSlide(holder)) {
      sink_.OnHolder(holder);
      return;
    }
    Split(holder);
  }

  bool fits() const { return slide_.has_value() && !refused_; }
  uint64_t slide() const { return slide_.value_or(0); }

 private:
  void Refuse(const std::string& why) {
    if (std::exchange(refused_, true)) return;
    sink_.OnFact({"executable", executable_.path() + " " + why + ": globals stay without names"});
  }

  // The first piece of a segment begins where its symbol says, but for the slide.
  bool FindSlide(const HolderEvent& segment) {
    if (slide_) return true;
    const auto begin = executable_.Symbol("runtime." + std::string(segment.name));
    if (!begin) {
      Refuse("has no symbols (built with -ldflags=-s)");
      return false;
    }
    const uint64_t slide = segment.address - *begin;
    if (slide % kPage != 0) {
      Refuse("is not the program of this heap: its segment " + std::string(segment.name) +
             " lies elsewhere");
      return false;
    }
    slide_ = slide;
    return true;
  }

  // One holder for each global that lies in the segment, with references or without, so that every
  // reading tells the same; what belongs to no symbol comes last, in one.
  void Split(const HolderEvent& segment) {
    const auto& globals = executable_.globals();
    const uint64_t begin = segment.address - *slide_, end = begin + segment.bytes;
    auto global = std::partition_point(globals.begin(), globals.end(), [&](const GoGlobal& each) {
      return each.address + each.bytes <= begin;
    });
    std::vector<Reference> nameless;
    size_t next = 0;
    const auto address_of = [&](const Reference& reference) {
      return begin + reference.label.number();
    };
    for (; global != globals.end() && global->address < end; ++global) {
      std::vector<Reference> named;
      for (; next < segment.references.size(); ++next) {
        const Reference& reference = segment.references[next];
        const uint64_t address = address_of(reference);
        if (address >= global->address + global->bytes) break;
        if (address < global->address) {
          nameless.push_back(reference);
        } else {
          named.push_back({reference.target, Label(Label::Kind::kOffset, address - global->address),
                           reference.target_type});
        }
      }
      sink_.OnHolder({.kind = RootKind::kGlobal,
                      .name = global->name,
                      .address = global->address + *slide_,
                      .bytes = global->bytes,
                      .references = named,
                      .contents = {}});
    }
    for (; next < segment.references.size(); ++next) nameless.push_back(segment.references[next]);
    const std::string name = std::string(segment.name) + " (no symbol)";
    sink_.OnHolder({.kind = RootKind::kGlobal,
                    .name = name,
                    .address = segment.address,
                    .bytes = segment.bytes,
                    .references = nameless,
                    .contents = {}});
  }

  HeapSink& sink_;
  const GoExecutable& executable_;
  std::optional<uint64_t> slide_;
  bool refused_ = false;
};

Result<heapgraph::ReadOutcome> NamedGoHeap::Read(HeapSink& sink, Wants wants) {
  Filter filter(sink, executable_);
  auto outcome = heap_->Read(filter, wants);
  fits_ = filter.fits();
  slide_ = filter.slide();
  return outcome;
}

}  // namespace tidemark::goheap
