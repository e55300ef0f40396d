// Any bytes: the reader ends, twice the same way, within its limits.
#include <cstdlib>

#include "hprof/hprof_reader.h"

namespace tidemark {
namespace {

// Counts, and touches every reference.
class CountingSink : public heapgraph::HeapSink {
 public:
  uint32_t Intern(std::string_view name) override {
    bytes_ += name.size();
    return static_cast<uint32_t>(name.size());
  }
  void OnType(const heapgraph::TypeEvent& type) override { bytes_ += type.name.size(); }
  void OnObject(const heapgraph::ObjectEvent& object) override {
    ++events_;
    for (const auto& reference : object.references) bytes_ += reference.target;
  }
  void OnRoot(heapgraph::RootKind, uint64_t) override { ++events_; }
  void OnHolder(const heapgraph::HolderEvent& holder) override {
    ++events_;
    for (const auto& reference : holder.references) bytes_ += reference.target;
  }
  void OnReference(uint64_t, const heapgraph::Reference&) override { ++events_; }
  void OnFact(const heapgraph::FactEvent&) override {}
  void OnProgress(uint64_t) override {}
  uint64_t events_ = 0, bytes_ = 0;
};

}  // namespace
}  // namespace tidemark

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tidemark;  // NOLINT
  for (const bool mat_compat : {false, true}) {
    auto source = OpenHprof(BytesInMemory(std::as_bytes(std::span(data, size))), {mat_compat});
    if (!source) return 0;
    CountingSink first, second;
    const auto once = (*source)->Read(first, {.references = false});
    if (!once) return 0;
    const auto twice = (*source)->Read(second, {});
    if (!twice || twice->bytes != once->bytes || twice->damage != once->damage) std::abort();
    if (second.events_ < first.events_) std::abort();
  }
  return 0;
}
