// Decides which contents of a dump may stay. Structure passes as it is: addresses, sizes, types,
// references, names of fields and holders, facts. Contents do not, but for spans of OpenTelemetry's
// Go SDK, scrubbed to their times, ids and kind (otel_span.h), and the strings they are named by.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <set>

#include "graphfile/otel_span.h"
#include "graphfile/string_window.h"
#include "graphfile/wanted_names.h"
#include "heapgraph/heap_events.h"

namespace tidemark::graphfile {

struct AllowListOptions {
  bool strict = false;  // no contents at all
  // Ids are random and do not compress: 24 to 48 bytes a span. Without this the first 8,192 spans
  // keep theirs, of the next 8,192 every second, of the 16,384 after those every fourth, and so on.
  bool all_span_ids = false;
  std::function<void(uint64_t done_bytes)> progress;
};

struct AllowListTotals {
  uint64_t spans = 0;
  uint64_t span_ids = 0;       // spans that kept their ids
  uint64_t names = 0;          // spans whose name's string is in the heap and was kept
  uint64_t names_in_text = 0;  // whose name is in the program's own text, not in the dump
  uint64_t names_lost = 0;     // whose string had gone by, or never came
};

// A filter before `next`. Strings are held back, so that objects come in another order: at most
// some 49,000 of them. Belongs to one thread.
class AllowList : public heapgraph::HeapSink {
 public:
  static constexpr uint32_t kMaxNameBytes = 256;  // longer names are cut

  AllowList(heapgraph::HeapSink& next, AllowListOptions options)
      : next_(next), options_(std::move(options)) {}

  // Tells what was held back, and facts: "shrink contents", "shrink spans", "shrink span ids",
  // "shrink span names", "shrink span names lost". Once, after the source's last event.
  AllowListTotals Finish();

  uint32_t Intern(std::string_view name) override { return next_.Intern(name); }
  void OnType(const heapgraph::TypeEvent& type) override;
  void OnObject(const heapgraph::ObjectEvent& object) override;
  void OnRoot(heapgraph::RootKind kind, uint64_t address) override { next_.OnRoot(kind, address); }
  void OnHolder(const heapgraph::HolderEvent& holder) override;
  void OnReference(uint64_t source, const heapgraph::Reference& reference) override {
    next_.OnReference(source, reference);
  }
  void OnFact(const heapgraph::FactEvent& fact) override { next_.OnFact(fact); }
  void OnProgress(uint64_t done_bytes) override {
    if (options_.progress) options_.progress(done_bytes);
  }

 private:
  bool KeepsIds() const;
  void TellSpan(const heapgraph::ObjectEvent& object, const SpanMatch& match);
  void AskForName(const SpanMatch& match);
  void TakeString(const heapgraph::ObjectEvent& object);
  void TellLargeString(const heapgraph::ObjectEvent& object);
  void Granted(uint64_t address);

  heapgraph::HeapSink& next_;
  const AllowListOptions options_;
  AllowListTotals totals_;
  std::set<heapgraph::TypeKey> span_types_;  // at most 64
  // The first strings of a dump, which a program makes as it starts, stay to the end: names that
  // many spans share. Of the others the last.
  StringWindow first_, old_, young_;
  bool first_full_ = false;
  WantedNames wanted_;
  std::array<uint64_t, 4096> granted_{};  // addresses of names that were kept, by hash
};

}  // namespace tidemark::graphfile
