// Writes small heap dumps, record by record, as Go's runtime does: for tests and fuzz seeds.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "goheap/go_dump_format.h"

namespace tidemark::goheap {

class GoDumpWriter {
 public:
  static constexpr uint64_t kArena = 0xc000000000, kArenaEnd = 0xc004000000;

  explicit GoDumpWriter(std::string_view version = "go1.24.4") {
    bytes_ = kGoDumpMagic;
    Tag(GoTag::kParams).Number(0).Number(8).Number(kArena).Number(kArenaEnd);
    Text("amd64").Text(version).Number(2);
  }

  GoDumpWriter& Number(uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_.push_back(static_cast<char>(value | 0x80));
    bytes_.push_back(static_cast<char>(value));
    return *this;
  }
  GoDumpWriter& Numbers(std::initializer_list<uint64_t> values) {
    for (const uint64_t value : values) Number(value);
    return *this;
  }
  GoDumpWriter& Text(std::string_view text) {
    Number(text.size());
    bytes_ += text;
    return *this;
  }
  GoDumpWriter& Tag(GoTag tag) { return Number(static_cast<uint64_t>(tag)); }
  // Memory of `words`, and the offsets at which it lists pointers.
  GoDumpWriter& Words(const std::vector<uint64_t>& words) {
    return Text({reinterpret_cast<const char*>(words.data()), words.size() * 8});
  }
  GoDumpWriter& Slots(const std::vector<uint64_t>& offsets) {
    for (const uint64_t offset : offsets) Number(1).Number(offset);
    return Number(0);
  }

  GoDumpWriter& Object(uint64_t address, const std::vector<uint64_t>& words,
                       const std::vector<uint64_t>& slots) {
    return Tag(GoTag::kObject).Number(address).Words(words).Slots(slots);
  }
  GoDumpWriter& Type(uint64_t descriptor, uint64_t bytes, std::string_view name) {
    return Tag(GoTag::kType).Number(descriptor).Number(bytes).Text(name).Number(1);
  }
  GoDumpWriter& Itab(uint64_t itab, uint64_t descriptor) {
    return Tag(GoTag::kItab).Number(itab).Number(descriptor);
  }
  GoDumpWriter& Goroutine(uint64_t address, uint64_t id, uint64_t status, bool system,
                          std::string_view reason) {
    Tag(GoTag::kGoroutine).Numbers({address, 0x7000, id, 0x401000, status, system, 0, 0});
    return Text(reason).Numbers({0, 0, 0, 0});
  }
  GoDumpWriter& Frame(std::string_view function, const std::vector<uint64_t>& words,
                      const std::vector<uint64_t>& slots) {
    Tag(GoTag::kFrame).Numbers({0x7000, 0, 0}).Words(words).Numbers({0x401000, 0x401010, 0x401010});
    return Text(function).Slots(slots);
  }
  GoDumpWriter& Segment(GoTag tag, uint64_t address, const std::vector<uint64_t>& words,
                        const std::vector<uint64_t>& slots) {
    return Tag(tag).Number(address).Words(words).Slots(slots);
  }
  GoDumpWriter& MemStats(uint64_t heap_alloc, uint64_t heap_objects) {
    Tag(GoTag::kMemStats);
    for (int i = 0; i < 281; ++i) Number(i == 6 ? heap_alloc : i == 11 ? heap_objects : 1);
    return *this;
  }
  GoDumpWriter& End() { return Tag(GoTag::kEnd); }

  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

}  // namespace tidemark::goheap
