#include "recorder/span_context.h"

#include <string.h>

#include "recorder/sys.h"

namespace tidemark::recorder {
namespace {

constexpr uint64_t kRecordHead = 28;  // bytes up to attrs_data
constexpr uint64_t kValidAt = 24;

uint64_t ThreadPointer() {
  uint64_t pointer;
  asm("movq %%fs:0, %0" : "=r"(pointer));
  return pointer;
}

// The thread's block of TLS module `module`, or 0 when it has none yet. glibc's x86-64 ABI: the
// vector's address is at fs:8, entry n is 16 bytes at n * 16, entry -1 holds how many there are, an
// unallocated block is -1.
uint64_t DynamicBlock(uint64_t module) {
  const uint64_t* vector;
  asm("movq %%fs:8, %0" : "=r"(vector));
  if (vector == nullptr || module > vector[-2]) return 0;
  const uint64_t block = vector[module * 2];
  return block == ~uint64_t{0} ? 0 : block;
}

bool RangeReadable(uint64_t address, uint64_t bytes) {
  constexpr uint64_t kWord = ~uint64_t{7};
  return Readable(address & kWord) && Readable((address + bytes - 1) & kWord);
}

}  // namespace

SpanSource FindSpanSource(const dl_phdr_info& info, const ElfImage& image, bool at_startup) {
  if (!image.has_tls() || info.dlpi_tls_modid == 0) return {};
  const ElfW(Sym)* symbol = image.FindSymbol("otel_thread_ctx_v1");
  if (symbol == nullptr || ELF64_ST_TYPE(symbol->st_info) != STT_TLS) return {};
  if ((at_startup || image.static_tls()) && info.dlpi_tls_data != nullptr) {
    const uint64_t at = Address(info.dlpi_tls_data) + symbol->st_value;
    return {.kind = SpanSource::kStatic,
            .thread_offset = static_cast<int64_t>(at - ThreadPointer())};
  }
  return {.kind = SpanSource::kDynamic,
          .tls_module = info.dlpi_tls_modid,
          .block_offset = symbol->st_value};
}

bool ReadSpan(const SpanSource& source, SpanIds* ids) {
  uint64_t at = 0;
  if (source.kind == SpanSource::kStatic) {
    at = ThreadPointer() + static_cast<uint64_t>(source.thread_offset);
  } else if (source.kind == SpanSource::kDynamic) {
    const uint64_t block = DynamicBlock(source.tls_module);
    if (block != 0 && RangeReadable(block + source.block_offset, sizeof(void*)))
      at = block + source.block_offset;
  }
  if (at == 0) return false;
  const uint64_t record = *reinterpret_cast<const volatile uint64_t*>(at);
  if (record == 0 || !RangeReadable(record, kRecordHead)) return false;
  const auto* bytes = reinterpret_cast<const uint8_t*>(record);
  if (__atomic_load_n(bytes + kValidAt, __ATOMIC_ACQUIRE) != 1) return false;
  memcpy(ids->trace_id, bytes, sizeof ids->trace_id);
  memcpy(ids->span_id, bytes + sizeof ids->trace_id, sizeof ids->span_id);
  return true;
}

}  // namespace tidemark::recorder
