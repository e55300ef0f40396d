// Where the Go runtime keeps what a reader of its memory needs: offsets of fields, by version.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "base/result.h"

namespace tidemark::goheap {

// Offsets in bytes, of 64-bit programs. kNone: this version has no such field.
struct RuntimeLayout {
  static constexpr uint32_t kNone = ~0u;

  // runtime.mheap
  uint32_t heap_allspans = 0, heap_arenas = 0;
  // runtime.mspan
  uint32_t span_start = 24, span_pages = 32, span_elements = 0, span_free_index = 0;
  uint32_t span_alloc_bits = 0, span_alloc_count = 0, span_element_bytes = 0, span_class = 0;
  uint32_t span_state = 0, span_specials = 0, span_large_type = kNone;
  uint32_t span_index_width = 8;  // of elements and free_index
  // runtime.special and what is made of it
  uint32_t special_kind = 0, special_offset_width = 2, special_payload = 16;
  uint8_t kind_finalizer = 1, kind_weak = 0, kind_cleanup = 0;  // 0: none
  uint32_t cleanup_words = 1;                                   // pointers in a cleanup
  // runtime.finblock: alllink, next, cnt at 16, 40 bytes each from 24.
  // runtime.cleanupBlock: alllink at 16, n at 24, cleanups from 32.
  uint32_t cleanup_all = kNone;  // of runtime.cleanupQueue
  // runtime.g
  uint32_t g_sched_sp = 56, g_syscall_sp = 0, g_status = 0, g_id = 0, g_start_pc = 0;
  uint32_t g_wait_reason = 0;
  // runtime.moduledata
  uint32_t module_text = 176, module_data = 208, module_types = 0, module_etypes = 0;
  uint32_t module_data_mask = 0, module_bss_mask = 0, module_next = 0;
  // runtime.heapArena up to 1.21: pointer bits, and from 1.20 on noMorePtrs behind them.
  uint64_t arena_no_more_pointers = 0;
};

// Of a type as DWARF has it ("runtime.mspan"), by field; nothing when either is not there.
struct FieldPlace {
  uint64_t offset = 0, bytes = 0;
};
using FieldFinder =
    std::function<std::optional<FieldPlace>(std::string_view type, std::string_view field)>;

// What Go 1.19 to 1.27 have, measured from executables of 1.19.8, 1.20.14, 1.21.13, 1.22.12,
// 1.23.12, 1.24.13, 1.25.12, 1.26.10 and 1.27.3; corrected by the executable's own DWARF where
// `find` knows better. Errors: invalid argument, a version that is neither among them nor in DWARF.
Result<RuntimeLayout> LayoutOfRuntime(int minor, const FieldFinder& find);

}  // namespace tidemark::goheap
