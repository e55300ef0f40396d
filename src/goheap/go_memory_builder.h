// Writes the memory of a small Go program, for tests and as seeds of the fuzz target: the runtime's
// tables of any version from 1.19 to 1.27 and a heap of a few spans, as an ELF core.
#pragma once

#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "goheap/core_builder.h"
#include "goheap/go_program.h"
#include "goheap/pointer_masks.h"

namespace tidemark::goheap {

class GoMemoryBuilder {
 public:
  static constexpr uint64_t kHeapStruct = 0x100000, kSpanTable = 0x200000, kSpans = 0x210000,
                            kAllocBits = 0x220000, kArenaTable = 0x8000000, kArena = 0x30000000,
                            kModule = 0x300000, kMasks = 0x310000, kTypes = 0x400000,
                            kData = 0x500000, kBss = 0x501000, kGoroutines = 0x600000,
                            kStack = 0x700000, kText = 0x10000, kHeap = 0xc000000000;

  explicit GoMemoryBuilder(int minor) : program_(ProgramOf(minor)) {
    Reserve(kHeapStruct + 65536, 1024);  // the fields that are read
    Reserve(kModule, 1024);
    Reserve(kTypes, 8192);
    Reserve(kData, 4096);
    Reserve(kBss, 4096);
    Reserve(kMasks, 4096);
    Reserve(kAllocBits, 4096);
    Reserve(kGoroutines, 4096);
    Reserve(kStack, 4096);
    const RuntimeLayout& at = program_.layout;
    Word(kModule + at.module_text, kText).Word(kModule + at.module_text + 8, kText + 0x1000);
    const uint64_t ranges[] = {kData, kData + 64, kBss, kBss + 64};
    for (int i = 0; i < 4; ++i) Word(kModule + at.module_data + 8 * i, ranges[i]);
    Word(kModule + at.module_types, kTypes).Word(kModule + at.module_etypes, kTypes + 8192);
    for (const auto& [mask, bytes] :
         {std::pair{at.module_data_mask, kMasks}, std::pair{at.module_bss_mask, kMasks + 8}}) {
      Word(kModule + mask, 8).Word(kModule + mask + 8, bytes);
    }
  }

  // The program that the memory is of.
  static GoProgram ProgramOf(int minor) {
    GoProgram program;
    program.version_text = "go1." + std::to_string(minor) + ".1";
    program.version = ParseGoVersion(program.version_text);
    program.layout = *LayoutOfRuntime(
        minor, [](std::string_view, std::string_view) { return std::optional<FieldPlace>(); });
    program.machine = EM_AARCH64;  // arenas count from address 0
    program.addresses = {.heap = kHeapStruct,
                         .goroutines = kGoroutines,
                         .first_module = kModule,
                         .finalizers = kGoroutines + 512,
                         .cleanups = 0};
    return program;
  }
  const GoProgram& program() const { return program_; }

  GoMemoryBuilder& Word(uint64_t address, uint64_t value) { return Number(address, value, 8); }
  GoMemoryBuilder& Number(uint64_t address, uint64_t value, size_t bytes) {
    auto& [begin, memory] = *std::prev(memory_.upper_bound(address));
    std::memcpy(memory.data() + (address - begin), &value, bytes);
    return *this;
  }
  // `pages` of 8 KiB for slots of `slot_bytes`; size class 0: one large object. Their memory is at
  // the returned address.
  uint64_t Span(uint64_t pages, uint64_t slot_bytes, uint32_t slots, uint32_t free_index,
                bool pointer_free, int size_class) {
    const RuntimeLayout& at = program_.layout;
    const uint64_t begin = next_page_, span = kSpans + 256 * span_count_;
    next_page_ += pages * 8192;
    Reserve(begin, pages * 8192);
    Reserve(span, 256);
    Word(span + at.span_start, begin).Word(span + at.span_pages, pages);
    Number(span + at.span_elements, slots, at.span_index_width);
    Number(span + at.span_free_index, free_index, at.span_index_width);
    Word(span + at.span_alloc_bits, kAllocBits + 128 * span_count_);
    Word(span + at.span_element_bytes, slot_bytes);
    Number(span + at.span_class, size_class << 1 | (pointer_free ? 1 : 0), 1);
    Number(span + at.span_state, 1, 1);
    ++span_count_;
    return begin;
  }
  // Of the span made last.
  uint64_t SpanStruct() const { return kSpans + 256 * (span_count_ - 1); }
  GoMemoryBuilder& Allocated(uint32_t slot) {
    return Bit(kAllocBits + 128 * (span_count_ - 1), slot);
  }
  // Marks a word of the heap as a pointer where this version keeps such marks beside the heap.
  GoMemoryBuilder& PointerBeside(uint64_t address) {
    const uint64_t index = address / kArenaBytes, word = address % kArenaBytes / 8;
    Reserve(kArenaTable + index * 8, 8);
    Word(kArenaTable + index * 8, kArena);
    Word(kHeapStruct + program_.layout.heap_arenas, kArenaTable);
    if (program_.version.minor <= 19) {
      Reserve(kArena, 4096);
      return Bit(kArena + word / 4, word % 4);
    }
    Reserve(kArena, 4096);
    Reserve(kArena + program_.layout.arena_no_more_pointers, 4096);
    return Bit(kArena + word / 8, word % 8);
  }
  GoMemoryBuilder& MorePointers(uint64_t address) {  // Go 1.19
    const uint64_t word = address % kArenaBytes / 8;
    return Bit(kArena + word / 4, 4 + word % 4);
  }
  GoMemoryBuilder& NoMorePointers(uint64_t address) {  // Go 1.20, 1.21
    return Bit(kArena + program_.layout.arena_no_more_pointers, address % kArenaBytes / 512);
  }
  // Bit `bit` counted from the low end of the byte at `address`.
  GoMemoryBuilder& Bit(uint64_t address, uint64_t bit) {
    auto& [begin, memory] = *std::prev(memory_.upper_bound(address + bit / 8));
    memory[address + bit / 8 - begin] |= static_cast<char>(1 << bit % 8);
    return *this;
  }
  // A descriptor at kTypes + `offset`, its mask behind it, its name at kTypes + `name`.
  uint64_t Type(uint64_t offset, uint64_t bytes, uint64_t pointer_bytes, uint64_t mask, int kind,
                uint64_t name_at, const std::string& name) {
    const uint64_t at = kTypes + offset;
    Word(at, bytes).Word(at + 8, pointer_bytes).Number(at + 16, 0x1234 + offset, 4);
    Number(at + 23, kind, 1).Word(at + 32, at + 128).Number(at + 40, name_at, 4);
    Word(at + 128, mask);
    Number(kTypes + name_at + 1, name.size(), 1);
    for (size_t i = 0; i < name.size(); ++i) {
      Number(kTypes + name_at + 2 + i, static_cast<unsigned char>(name[i]), 1);
    }
    return at;
  }
  GoMemoryBuilder& Goroutine(uint64_t id, uint32_t status, uint64_t sp) {
    const uint64_t g = kGoroutines + 1024;
    Word(kGoroutines, kGoroutines + 256).Word(kGoroutines + 8, 1).Word(kGoroutines + 256, g);
    Word(g, kStack).Word(g + 8, kStack + 4096).Word(g + program_.layout.g_sched_sp, sp);
    Number(g + program_.layout.g_status, status, 4);
    return Word(g + program_.layout.g_id, id);
  }
  std::string Core() {
    Reserve(kSpanTable, span_count_ * 8 + 8);
    for (uint64_t i = 0; i < span_count_; ++i) Word(kSpanTable + i * 8, kSpans + i * 256);
    Word(kHeapStruct + program_.layout.heap_allspans, kSpanTable);
    Word(kHeapStruct + program_.layout.heap_allspans + 8, span_count_);
    CoreBuilder core;
    for (const auto& [address, bytes] : memory_) core.Memory(address, bytes);
    return core.Build();
  }

 private:
  void Reserve(uint64_t address, uint64_t bytes) {
    memory_.try_emplace(address, std::string(bytes, '\0'));
  }

  const GoProgram program_;
  std::map<uint64_t, std::string> memory_;
  uint64_t next_page_ = kHeap, span_count_ = 0;
};

}  // namespace tidemark::goheap
