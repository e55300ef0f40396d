#include "graphfile/allow_list.h"

#include <algorithm>
#include <bit>
#include <string>
#include <utility>
#include <vector>

namespace tidemark::graphfile {
namespace {

using heapgraph::ObjectEvent;

constexpr uint64_t kSpansWithIds = 8192;
constexpr size_t kMaxSpanTypes = 64;
constexpr size_t kGrantedHashShift = 64 - 12;

size_t GrantedSlot(uint64_t address) { return (address * 0x9e3779b97f4a7c15) >> kGrantedHashShift; }

}  // namespace

void AllowList::OnType(const heapgraph::TypeEvent& type) {
  if (type.name.ends_with("trace.recordingSpan") && span_types_.size() < kMaxSpanTypes) {
    span_types_.insert(type.key);
  }
  next_.OnType(type);
}

void AllowList::OnHolder(const heapgraph::HolderEvent& holder) {
  heapgraph::HolderEvent without = holder;
  without.contents = {};
  next_.OnHolder(without);
}

void AllowList::OnObject(const ObjectEvent& object) {
  if (!options_.strict && !object.contents.empty()) {
    if (object.references.empty()) return TakeString(object);
    const bool typed = !span_types_.empty() && span_types_.contains(object.type);
    if (const auto match = MatchSpan(object, typed)) return TellSpan(object, *match);
  }
  ObjectEvent without = object;
  without.contents = {};
  next_.OnObject(without);
}

bool AllowList::KeepsIds() const {
  if (options_.all_span_ids || totals_.spans < kSpansWithIds) return true;
  const int thinned = std::bit_width(totals_.spans / kSpansWithIds);
  return totals_.spans % (uint64_t{1} << thinned) == 0;
}

void AllowList::TellSpan(const ObjectEvent& object, const SpanMatch& match) {
  std::array<std::byte, kSpanBytes> scrubbed;
  const bool keep_ids = KeepsIds();
  ObjectEvent allowed = object;
  allowed.contents = std::span(scrubbed).first(ScrubSpan(object, match, keep_ids, scrubbed));
  ++totals_.spans;
  totals_.span_ids += keep_ids;
  next_.OnObject(allowed);
  AskForName(match);
}

void AllowList::AskForName(const SpanMatch& match) {
  if (match.name_bytes == 0) return;
  if (!match.name_in_heap) {
    ++totals_.names_in_text;
    return;
  }
  const uint32_t bytes = static_cast<uint32_t>(std::min<uint64_t>(match.name_bytes, kMaxNameBytes));
  ++totals_.names;
  if (granted_[GrantedSlot(match.name_address)] == match.name_address) return;
  for (StringWindow* window : {&young_, &old_, &first_}) {
    if (window->Grant(match.name_address, bytes)) return Granted(match.name_address);
  }
  wanted_.Add(match.name_address, bytes);
}

void AllowList::Granted(uint64_t address) { granted_[GrantedSlot(address)] = address; }

void AllowList::TakeString(const ObjectEvent& object) {
  if (object.contents.size() > StringWindow::kMaxObjectBytes) return TellLargeString(object);
  if (young_.full()) {
    if (std::exchange(first_full_, true)) {
      old_.Tell(next_);
      std::swap(old_, young_);
    } else {
      std::swap(first_, young_);
    }
  }
  young_.Add(object);
  wanted_.TakeInside(object.address, object.contents.size(), [&](uint64_t at, uint32_t bytes) {
    if (young_.Grant(at, bytes)) Granted(at);
  });
}

void AllowList::TellLargeString(const ObjectEvent& object) {
  std::vector<std::byte> allowed;
  wanted_.TakeInside(object.address, object.contents.size(), [&](uint64_t at, uint32_t bytes) {
    const size_t begin = at - object.address;
    const size_t end = std::min<size_t>(begin + bytes, object.contents.size());
    // A prefix is all that can be told: a name far inside a buffer is given up.
    if (end > 4096) return;
    allowed.resize(std::max(allowed.size(), end));
    std::copy_n(object.contents.begin() + static_cast<ptrdiff_t>(begin), end - begin,
                allowed.begin() + static_cast<ptrdiff_t>(begin));
    Granted(at);
  });
  ObjectEvent told = object;
  told.contents = allowed;
  next_.OnObject(told);
}

AllowListTotals AllowList::Finish() {
  for (StringWindow* window : {&first_, &old_, &young_}) window->Tell(next_);
  totals_.names_lost = std::min(wanted_.lost(), totals_.names);
  totals_.names -= totals_.names_lost;
  next_.OnFact({"shrink contents", options_.strict ? "none" : "spans and their names"});
  if (options_.strict) return totals_;
  const std::pair<const char*, uint64_t> facts[] = {
      {"shrink spans", totals_.spans},
      {"shrink span ids", totals_.span_ids},
      {"shrink span names", totals_.names},
      {"shrink span names lost", totals_.names_lost},
  };
  for (const auto& [key, number] : facts) next_.OnFact({key, std::to_string(number)});
  return totals_;
}

}  // namespace tidemark::graphfile
