#include "goheap/runtime_layout.h"

#include <string>

namespace tidemark::goheap {
namespace {

constexpr int kOldest = 19, kNewest = 27;
constexpr uint64_t kMaxOffset = 1 << 20;

bool IsWidth(uint64_t bytes) { return bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8; }

void SetSpanFields(int minor, RuntimeLayout& layout) {
  const bool narrow = minor >= 22;
  layout.span_index_width = narrow ? 2 : 8;
  layout.span_free_index = 48;
  layout.span_elements = narrow ? 50 : 56;
  layout.span_alloc_bits = narrow ? 64 : 72;
  const uint32_t shift = minor == 21 ? 8 : 0;
  layout.span_alloc_count = 96 + shift;
  layout.span_class = 98 + shift;
  layout.span_state = 99 + shift;
  layout.span_element_bytes = 104 + shift;
  layout.span_specials = 128 + shift;
  if (narrow) layout.span_large_type = 152;
}

void SetSpecialFields(int minor, RuntimeLayout& layout) {
  const bool wide = minor >= 24;
  layout.special_offset_width = wide ? 8 : 2;
  layout.special_kind = wide ? 16 : 10;
  layout.special_payload = wide ? 24 : 16;
  layout.kind_finalizer = minor >= 25 ? 2 : 1;
  if (minor >= 23) layout.kind_weak = minor >= 25 ? 3 : 2;
  if (wide) layout.kind_cleanup = minor >= 25 ? 7 : 6;
  layout.cleanup_words = minor >= 26 ? 3 : 1;
  if (minor >= 25) layout.cleanup_all = 128;
}

void SetGoroutineFields(int minor, RuntimeLayout& layout) {
  const bool middle = minor == 23 || minor == 24;  // the status and id lie 8 further there
  layout.g_syscall_sp = minor >= 25 ? 104 : 112;
  layout.g_status = middle ? 152 : 144;
  layout.g_id = middle ? 160 : 152;
  layout.g_wait_reason = middle ? 184 : 176;
  layout.g_start_pc = minor <= 20 ? 312 : minor <= 22 || minor == 25 ? 296 : 304;
}

void SetModuleFields(int minor, RuntimeLayout& layout) {
  layout.module_types = minor == 19 ? 280 : 296;
  layout.module_etypes = minor == 19 ? 288 : minor >= 27 ? 312 : 304;
  constexpr uint32_t kMasks[] = {496, 512, 536, 536, 536, 536, 536, 544, 520};
  constexpr uint32_t kNexts[] = {544, 560, 584, 584, 576, 576, 576, 584, 560};
  layout.module_data_mask = kMasks[minor - kOldest];
  layout.module_bss_mask = layout.module_data_mask + 16;
  layout.module_next = kNexts[minor - kOldest];
}

RuntimeLayout LayoutByVersion(int minor) {
  RuntimeLayout layout;
  layout.heap_allspans = minor == 19 ? 65856 : minor == 20 ? 65824 : 65864;
  layout.heap_arenas = minor == 19 ? 65936 : minor == 20 ? 65904 : minor == 21 ? 65944 : 66008;
  layout.arena_no_more_pointers = 1048576;
  SetSpanFields(minor, layout);
  SetSpecialFields(minor, layout);
  SetGoroutineFields(minor, layout);
  SetModuleFields(minor, layout);
  return layout;
}

struct KnownField {
  uint32_t RuntimeLayout::*offset;
  std::string_view type, field;
};

constexpr KnownField kFields[] = {
    {&RuntimeLayout::heap_allspans, "runtime.mheap", "allspans"},
    {&RuntimeLayout::heap_arenas, "runtime.mheap", "arenas"},
    {&RuntimeLayout::span_start, "runtime.mspan", "startAddr"},
    {&RuntimeLayout::span_pages, "runtime.mspan", "npages"},
    {&RuntimeLayout::span_elements, "runtime.mspan", "nelems"},
    {&RuntimeLayout::span_free_index, "runtime.mspan", "freeindex"},
    {&RuntimeLayout::span_alloc_bits, "runtime.mspan", "allocBits"},
    {&RuntimeLayout::span_alloc_count, "runtime.mspan", "allocCount"},
    {&RuntimeLayout::span_element_bytes, "runtime.mspan", "elemsize"},
    {&RuntimeLayout::span_class, "runtime.mspan", "spanclass"},
    {&RuntimeLayout::span_state, "runtime.mspan", "state"},
    {&RuntimeLayout::span_specials, "runtime.mspan", "specials"},
    {&RuntimeLayout::span_large_type, "runtime.mspan", "largeType"},
    {&RuntimeLayout::special_kind, "runtime.special", "kind"},
    {&RuntimeLayout::special_payload, "runtime.specialfinalizer", "fn"},
    {&RuntimeLayout::cleanup_all, "runtime.cleanupQueue", "all"},
    {&RuntimeLayout::g_syscall_sp, "runtime.g", "syscallsp"},
    {&RuntimeLayout::g_status, "runtime.g", "atomicstatus"},
    {&RuntimeLayout::g_id, "runtime.g", "goid"},
    {&RuntimeLayout::g_start_pc, "runtime.g", "startpc"},
    {&RuntimeLayout::g_wait_reason, "runtime.g", "waitreason"},
    {&RuntimeLayout::module_text, "runtime.moduledata", "text"},
    {&RuntimeLayout::module_data, "runtime.moduledata", "data"},
    {&RuntimeLayout::module_types, "runtime.moduledata", "types"},
    {&RuntimeLayout::module_etypes, "runtime.moduledata", "etypes"},
    {&RuntimeLayout::module_data_mask, "runtime.moduledata", "gcdatamask"},
    {&RuntimeLayout::module_bss_mask, "runtime.moduledata", "gcbssmask"},
    {&RuntimeLayout::module_next, "runtime.moduledata", "next"},
};

}  // namespace

Result<RuntimeLayout> LayoutOfRuntime(int minor, const FieldFinder& find) {
  const bool known = minor >= kOldest && minor <= kNewest;
  if (!known && (minor < kOldest || !find("runtime.mspan", "allocBits"))) {
    return InvalidArgument("Go 1." + std::to_string(minor) + ": 1." + std::to_string(kOldest) +
                           " to 1." + std::to_string(kNewest) +
                           " are known, and this executable has no DWARF to learn from");
  }
  RuntimeLayout layout = LayoutByVersion(known ? minor : kNewest);
  for (const KnownField& known_field : kFields) {
    const auto place = find(known_field.type, known_field.field);
    if (place && place->offset < kMaxOffset) layout.*known_field.offset = place->offset;
  }
  if (const auto place = find("runtime.mspan", "nelems"); place && IsWidth(place->bytes)) {
    layout.span_index_width = place->bytes;
  }
  if (const auto place = find("runtime.special", "offset"); place && IsWidth(place->bytes)) {
    layout.special_offset_width = place->bytes;
  }
  return layout;
}

}  // namespace tidemark::goheap
