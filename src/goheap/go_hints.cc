#include "goheap/go_hints.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdio>

namespace tidemark::goheap {
namespace {

constexpr size_t kFirstEntries = 1024;

std::string Hex(uint64_t number) {
  char text[24];
  std::snprintf(text, sizeof(text), "0x%llx", static_cast<unsigned long long>(number));
  return text;
}

// Of a type of 8 bytes: how an interface holds it, as far as its name tells.
TypeKey KeyByName(TypeKey descriptor, std::string_view name) {
  constexpr std::array<std::string_view, 5> kPointerShaped = {"*", "map[", "chan ", "<-chan ",
                                                              "func("};
  constexpr std::array<std::string_view, 7> kPlain = {"int",     "uint",    "int64",    "uint64",
                                                      "uintptr", "float64", "complex64"};
  const auto begins = [name](std::string_view with) { return name.starts_with(with); };
  // Pointer types with methods come as "path/of/package.", without a name.
  if (name.ends_with('.') || name == "unsafe.Pointer" ||
      std::any_of(kPointerShaped.begin(), kPointerShaped.end(), begins)) {
    return PointeeOf(descriptor);
  }
  const bool plain = std::find(kPlain.begin(), kPlain.end(), name) != kPlain.end();
  return plain ? descriptor : BehindInterface(descriptor);
}

// "main.(behind type 0x4a3f20)" for "main.", "trace.Span" for "*trace.Span", "map[string]int" as
// is.
std::string NameBehind(TypeKey descriptor, std::string_view name) {
  if (name.starts_with('*')) return std::string(name.substr(1));
  if (name.empty() || name.ends_with('.')) {
    return std::string(name) + "(behind type " + Hex(descriptor) + ")";
  }
  return std::string(name);
}

}  // namespace

GoHints::GoHints() : entries_(kFirstEntries), shift_(64 - std::countr_zero(kFirstEntries)) {}

void GoHints::AddType(TypeKey descriptor, uint64_t bytes, std::string_view name,
                      bool data_is_pointer, heapgraph::HeapSink& sink) {
  TypeKey key = bytes == 8 ? KeyByName(descriptor, name) : descriptor;
  // Held as it is, and has no pointers: the data word points nowhere.
  if (!data_is_pointer) key = 0;
  if (!Add(descriptor, key)) return;
  ++types_;
  if (!InArenas(descriptor)) {
    const bool first = highest_ == 0;
    lowest_ = first ? descriptor : std::min(lowest_, descriptor);
    highest_ = std::max(highest_, descriptor);
  }
  const bool unnamed = name.ends_with('.');
  const std::string own =
      unnamed ? "*" + std::string(name) + "(type " + Hex(descriptor) + ")" : std::string(name);
  sink.OnType({.key = descriptor,
               .name = own,
               .bytes = bytes,
               .interface_data_is_pointer = key == descriptor});
  if (key != descriptor && key != 0) {
    sink.OnType({.key = key, .name = NameBehind(descriptor, name)});
  }
}

void GoHints::AddItab(uint64_t itab, TypeKey descriptor) {
  const Entry& entry = entries_[Find(descriptor)];
  const TypeKey key = entry.word == descriptor ? entry.key : BehindInterface(descriptor);
  if (Add(itab, key)) ++itabs_;
}

bool GoHints::Add(uint64_t word, TypeKey key) {
  size_t slot = Find(word);
  if (word == 0 || (word & ~kDescriptorMask) != 0 || entries_[slot].word == word) return false;
  if (used_ == kMaxWords) {
    ++refused_;
    return false;
  }
  if ((used_ + 1) * 2 > entries_.size()) {
    std::vector<Entry> old(entries_.size() * 2);
    old.swap(entries_);
    --shift_;
    for (const Entry& entry : old) {
      if (entry.word != 0) entries_[Find(entry.word)] = entry;
    }
    slot = Find(word);
  }
  entries_[slot] = {word, key};
  ++used_;
  return true;
}

TypeKey GoHints::Unseen(uint64_t word, heapgraph::HeapSink& sink) {
  const TypeKey key = BehindInterface(word);
  if (!Add(word, key)) return 0;
  sink.OnType({.key = key, .name = "(behind type " + Hex(word) + ")"});
  return key;
}

}  // namespace tidemark::goheap
