#include "graphfile/string_window.h"

#include <algorithm>

namespace tidemark::graphfile {

void StringWindow::Add(const heapgraph::ObjectEvent& object) {
  const auto index = static_cast<uint32_t>(held_.size());
  if (held_.empty() || object.address < held_.back().address + held_.back().bytes ||
      (object.address ^ held_.back().address) >> 13 != 0) {  // another of Go's pages
    last_run_ = &runs_[object.address];
    last_run_->begin = index;
  }
  last_run_->end = index + 1;
  held_.push_back({object.address, object.bytes, object.type,
                   static_cast<uint32_t>(contents_.size()),
                   static_cast<uint32_t>(object.contents.size()), 0, object.pointer_free});
  contents_.append(reinterpret_cast<const char*>(object.contents.data()), object.contents.size());
  granted_.resize(contents_.size());
}

StringWindow::Held* StringWindow::Find(uint64_t address) {
  auto run = runs_.upper_bound(address);
  if (run == runs_.begin()) return nullptr;
  --run;
  const auto begin = held_.begin() + run->second.begin;
  const auto after =
      std::upper_bound(begin, held_.begin() + run->second.end, address,
                       [](uint64_t value, const Held& held) { return value < held.address; });
  if (after == begin) return nullptr;
  Held& held = *(after - 1);
  return address - held.address < held.contents_bytes ? &held : nullptr;
}

bool StringWindow::Grant(uint64_t address, uint64_t bytes) {
  Held* const held = Find(address);
  if (held == nullptr) return false;
  const uint64_t begin = address - held->address;
  const uint64_t end = std::min<uint64_t>(begin + bytes, held->contents_bytes);
  std::copy_n(contents_.begin() + static_cast<ptrdiff_t>(held->contents + begin), end - begin,
              granted_.begin() + static_cast<ptrdiff_t>(held->contents + begin));
  held->granted_bytes = std::max(held->granted_bytes, static_cast<uint32_t>(end));
  return true;
}

void StringWindow::Tell(heapgraph::HeapSink& sink) {
  for (const Held& held : held_) {
    heapgraph::ObjectEvent object;
    object.address = held.address;
    object.bytes = held.bytes;
    object.type = held.type;
    object.pointer_free = held.pointer_free;
    object.contents = std::as_bytes(std::span(granted_)).subspan(held.contents, held.granted_bytes);
    sink.OnObject(object);
  }
  held_.clear();
  contents_.clear();
  granted_.clear();
  runs_.clear();
}

}  // namespace tidemark::graphfile
