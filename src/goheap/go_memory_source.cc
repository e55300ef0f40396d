#include "goheap/go_memory_source.h"

#include <elf.h>

#include <algorithm>
#include <bit>

namespace tidemark::goheap {
namespace {

using heapgraph::Label;
using heapgraph::Reference;
using heapgraph::RootKind;

uint64_t WordAt(const std::byte* bytes) {
  uint64_t word;
  std::memcpy(&word, bytes, sizeof(word));
  return word;
}

}  // namespace

MaskRules MaskRulesOf(const GoProgram& program, const MemoryImage& image) {
  MaskRules rules{.minor = program.version.minor,
                  .malloc_headers = program.version.malloc_headers,
                  .green_tea = program.version.green_tea,
                  .arena_base = program.machine == EM_X86_64 ? uint64_t{1} << 47 : 0};
  if (!rules.malloc_headers) {
    rules.arenas =
        image.Load<uint64_t>(program.addresses.heap + program.layout.heap_arenas).value_or(0);
    rules.no_more_pointers = program.layout.arena_no_more_pointers;
  }
  return rules;
}

GoMemorySource::GoMemorySource(std::string format, GoProgram program, GoHeapTables tables,
                               const MemoryImage& image, const MemoryImage& types,
                               std::shared_ptr<void> owner, std::string damage)
    : format_(std::move(format)),
      program_(std::move(program)),
      tables_(std::move(tables)),
      owner_(std::move(owner)),
      image_(image),
      damage_(std::move(damage)),
      types_(types, tables_.modules, program_.version.minor),
      masks_(image, MaskRulesOf(program_, image)) {
  const auto& spans = tables_.table.spans;
  if (spans.empty()) return;
  heap_begin_ = spans.front().begin;
  heap_bytes_ = spans.back().end() - heap_begin_;
}

void GoMemorySource::Fact(std::string_view key, uint64_t value) {
  sink_->OnFact({.key = key, .value = std::to_string(value)});
}

void GoMemorySource::TellFacts() {
  sink_->OnFact({.key = "go version", .value = program_.version_text});
  sink_->OnFact({.key = "arch", .value = program_.machine == EM_X86_64 ? "amd64" : "arm64"});
  Fact("goroutines", tables_.goroutines.size());
  uint64_t objects = 0, bytes = 0;
  for (const HeapSpan& span : tables_.table.spans) {
    objects += span.allocated;
    bytes += span.allocated * span.slot_bytes;
  }
  Fact("runtime objects", objects);
  Fact("runtime bytes", bytes);
}

Result<heapgraph::ReadOutcome> GoMemorySource::Read(heapgraph::HeapSink& sink, Wants wants) {
  sink_ = &sink;
  wants_ = wants;
  done_bytes_ = unreadable_spans_ = unreadable_bytes_ = unmasked_ = 0;
  types_.Begin(sink);
  TellFacts();
  for (const HeapSpan& span : tables_.table.spans) TellSpan(span);
  TellModules();
  GoGoroutine teller(sink, wants.references);
  for (const Goroutine& goroutine : tables_.goroutines) TellGoroutine(goroutine, teller);
  teller.Finish();
  TellRoots();

  heapgraph::ReadOutcome outcome{.bytes = done_bytes_, .damage = damage_};
  const auto add = [&outcome](const std::string& text) {
    outcome.damage += (outcome.damage.empty() ? "" : "; ") + text;
  };
  if (unreadable_spans_ != 0) {
    add(std::to_string(unreadable_spans_) + " spans of the heap (" +
        std::to_string(unreadable_bytes_) +
        " bytes) are not in the memory: what their objects point to is not known");
  }
  if (tables_.table.refused != 0) {
    add(std::to_string(tables_.table.refused) + " of " + std::to_string(tables_.table.listed) +
        " spans make no sense and were left out");
  }
  if (unmasked_ != 0) {
    add(std::to_string(unmasked_) + " objects whose types are not in the memory");
  }
  return outcome;
}

void GoMemorySource::TellSpan(const HeapSpan& span) {
  const std::byte* contents = nullptr;
  // Types of objects with headers are in their memory too.
  const bool with_headers = program_.version.malloc_headers && span.slot_bytes > kMaxHeaderless;
  if (span.pointer_free) {
    if (wants_.contents) contents = image_.ViewOrRead(span.begin, span.bytes, buffer_);
  } else if (wants_.references || wants_.contents || with_headers) {
    contents = image_.ViewOrRead(span.begin, span.bytes, buffer_);
    if (contents == nullptr) {
      ++unreadable_spans_;
      unreadable_bytes_ += span.bytes;
    } else if (wants_.references && !with_headers && !masks_.BeginSpan(span, contents)) {
      unmasked_ += span.allocated;
      contents = nullptr;
    }
  }
  const uint64_t bits_bytes = (span.slots + 7) / 8;
  bits_.assign(bits_bytes, std::byte{0});
  if (span.free_index < span.slots && !image_.Read(span.alloc_bits, bits_)) {
    bits_.assign(bits_bytes, std::byte{0});
    ++unreadable_spans_;
  }
  for (uint32_t slot = 0; slot < span.slots; ++slot) {
    const bool allocated =
        slot < span.free_index || (std::to_integer<int>(bits_[slot / 8]) >> slot % 8 & 1) != 0;
    if (allocated) TellSlot(span, slot, contents);
  }
  done_bytes_ += span.bytes;
  sink_->OnProgress(done_bytes_);
}

void GoMemorySource::TellSlot(const HeapSpan& span, uint32_t slot, const std::byte* contents) {
  heapgraph::ObjectEvent event{.address = span.begin + slot * span.slot_bytes,
                               .bytes = span.slot_bytes,
                               .pointer_free = span.pointer_free};
  references_.clear();
  if (contents != nullptr) {
    contents += slot * span.slot_bytes;
    if (wants_.contents) event.contents = {contents, span.slot_bytes};
    const bool typed = program_.version.malloc_headers && span.slot_bytes > kMaxHeaderless;
    if (!span.pointer_free && typed) {
      // One that is being allocated has no type yet, and no pointers.
      const uint64_t descriptor = span.large ? span.large_type : WordAt(contents);
      event.type = types_.KeyOf(descriptor);
      if (wants_.references && descriptor != 0) {
        AddTyped(contents, span.large ? 0 : 8, span.slot_bytes, descriptor);
      }
    } else if (!span.pointer_free && wants_.references) {
      const auto mask = masks_.OfSlot(slot);
      AddSlots(contents, 0, span.slot_bytes, mask.data(), mask.size());
    }
    event.references = references_;
  }
  sink_->OnObject(event);
}

// Values of the type one after the other in [begin, end) of the object.
void GoMemorySource::AddTyped(const std::byte* contents, uint64_t begin, uint64_t end,
                              uint64_t descriptor) {
  const PointerLayout* layout = types_.LayoutOf(descriptor);
  if (layout == nullptr) {
    ++unmasked_;
    return;
  }
  for (; end - begin >= 8; begin += layout->value_bytes) {
    AddSlots(contents, begin, end, layout->mask.data(), layout->mask.size());
    if (layout->value_bytes > end - begin) return;
  }
}

void GoMemorySource::AddSlots(const std::byte* contents, uint64_t begin, uint64_t end,
                              const uint64_t* mask, uint64_t words) {
  uint64_t before = 0;  // the last word's bits
  for (uint64_t word = 0; word < words; ++word) {
    for (uint64_t bits = mask[word]; bits != 0; bits &= bits - 1) {
      const auto bit = static_cast<uint64_t>(std::countr_zero(bits));
      const uint64_t offset = begin + (word * 64 + bit) * 8;
      if (offset + 8 > end) return;
      const uint64_t target = WordAt(contents + offset);
      if (!InHeap(target)) continue;
      const bool after_pointer = ((bit == 0 ? before >> 63 : mask[word] >> (bit - 1)) & 1) != 0;
      const bool hinted = offset >= begin + 8 && !after_pointer;
      references_.push_back({target, Label(Label::Kind::kOffset, offset),
                             hinted ? types_.KeyBehind(WordAt(contents + offset - 8)) : 0});
    }
    before = mask[word];
  }
}

void GoMemorySource::TellSegment(std::string_view name, uint64_t begin, uint64_t end,
                                 const PointerBitmap& bitmap) {
  constexpr uint64_t kPiece = 1 << 20;  // of one holder; a large bss comes in several
  constexpr uint64_t kMaxSegment = uint64_t{64} << 30;  // what a table says beyond is made up
  uint64_t size = end > begin ? end - begin : 0;
  if (size > kMaxSegment) {
    unreadable_bytes_ += size - kMaxSegment;
    ++unreadable_spans_;
    size = kMaxSegment;
  }
  const uint64_t words = std::min(bitmap.words, size / 8);
  for (uint64_t done = 0; done < size; done += kPiece) {
    const uint64_t at = begin + done;  // may wrap: nothing is mapped there
    const uint64_t bytes = std::min(kPiece, size - done);
    const std::byte* contents = image_.ViewOrRead(at, bytes, segment_buffer_);
    if (contents == nullptr) {
      unreadable_bytes_ += bytes;
      ++unreadable_spans_;
      continue;
    }
    references_.clear();
    const uint64_t first = (at - begin) / 8;
    if (wants_.references && first < words) {
      const uint64_t count = std::min(words - first, bytes / 8);
      std::vector<uint64_t> mask((count + 63) / 64);
      const auto mask_bytes = std::as_writable_bytes(std::span(mask)).first((count + 7) / 8);
      if (!image_.Read(bitmap.address + first / 8, mask_bytes)) ++unmasked_;
      if (count % 64 != 0) mask.back() &= (uint64_t{1} << count % 64) - 1;
      AddSlots(contents, 0, bytes, mask.data(), mask.size());
    }
    heapgraph::HolderEvent event{.kind = RootKind::kSegment,
                                 .name = name,
                                 .address = at,
                                 .bytes = bytes,
                                 .references = references_};
    if (wants_.contents) event.contents = {contents, bytes};
    sink_->OnHolder(event);
    done_bytes_ += bytes;
  }
}

void GoMemorySource::TellModules() {
  for (size_t i = 0; i < tables_.modules.size(); ++i) {
    const GoModule& module = tables_.modules[i];
    const std::string of = i == 0 ? "" : " of plugin " + std::to_string(i);
    TellSegment("data" + of, module.data, module.edata, module.data_mask);
    TellSegment("bss" + of, module.bss, module.ebss, module.bss_mask);
  }
}

bool GoMemorySource::IsObject(uint64_t address) const {
  if (!InHeap(address)) return false;
  const HeapSpan* span = tables_.table.Find(address);
  if (span == nullptr) return false;
  const uint64_t slot = (address - span->begin) / span->slot_bytes;
  if (slot >= span->slots) return false;
  if (slot < span->free_index) return true;
  const auto bits = image_.Load<uint8_t>(span->alloc_bits + slot / 8);
  return bits && (*bits >> slot % 8 & 1) != 0;
}

void GoMemorySource::TellGoroutine(const Goroutine& goroutine, GoGoroutine& teller) {
  const std::string function = program_.function_at ? program_.function_at(goroutine.start_pc) : "";
  const bool system = function.starts_with("runtime.") && function != "runtime.main";
  teller.Begin(goroutine.id, goroutine.address, goroutine.status, system,
               WaitReason(goroutine.wait_reason));
  if (!function.empty()) teller.AddFrame(function == "runtime.main" ? "main.main" : function);
  teller.Add("g", {.target = goroutine.address});
  for (const uint64_t word : goroutine.registers) {
    if (IsObject(word)) teller.Add("register (maybe)", {.target = word});
  }
  const uint64_t bytes = goroutine.stack_end - goroutine.scan_begin;
  std::vector<std::byte> part;
  for (uint64_t done = 0; done < bytes; done += part.size()) {
    part.resize(std::min<uint64_t>(bytes - done, 1 << 16));
    if (!image_.Read(goroutine.scan_begin + done, part)) {
      ++unreadable_spans_;
      unreadable_bytes_ += bytes - done;
      return;
    }
    for (uint64_t at = 0; at + 8 <= part.size(); at += 8) {
      const uint64_t word = WordAt(part.data() + at);
      if (!IsObject(word)) continue;
      const uint64_t offset = goroutine.stack_end - (goroutine.scan_begin + done + at);
      teller.Add("stack-" + std::to_string(offset) + " (maybe)", {.target = word});
    }
    teller.CountSlots(part.size() / 8);
  }
}

// An array of strings.
std::string GoMemorySource::WaitReason(uint8_t reason) const {
  constexpr uint64_t kMostBytes = 64;
  if (program_.wait_reasons == 0) return "";
  const uint64_t at = program_.wait_reasons + 16 * uint64_t{reason};
  const auto text = image_.Load<uint64_t>(at), bytes = image_.Load<uint64_t>(at + 8);
  if (!text || !bytes || *bytes > kMostBytes) return "";
  std::string value(*bytes, '\0');
  return image_.Read(*text, std::as_writable_bytes(std::span(value))) ? value : "";
}

void GoMemorySource::TellRoots() {
  constexpr size_t kPart = 1 << 16;  // references of one holder
  for (const auto kind : {RootKind::kFinalizer, RootKind::kSystem}) {
    const std::string_view name =
        kind == RootKind::kFinalizer ? "runtime finalizers" : "runtime weak handles";
    references_.clear();
    const auto tell = [&] {
      if (references_.empty()) return;
      sink_->OnHolder({.kind = kind, .name = name, .references = references_});
      references_.clear();
    };
    const Label label(Label::Kind::kName, sink_->Intern("finalizer"));
    for (const RuntimeRoot& root : tables_.roots) {
      if (root.kind != kind || !InHeap(root.target)) continue;
      references_.push_back({root.target, label});
      if (references_.size() == kPart) tell();
    }
    tell();
  }
}

}  // namespace tidemark::goheap
