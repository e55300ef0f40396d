// A loaded ELF object seen through its program headers in memory: dynamic symbols, build id, unwind
// table. Reads only mapped, readable segments of the object; allocates nothing and calls no loader
// function.
#pragma once

#include <link.h>
#include <stddef.h>
#include <stdint.h>

namespace tidemark::recorder {

class ElfImage {
 public:
  // `headers` must stay mapped while the image is used: within dl_iterate_phdr, or while the object
  // cannot be unloaded.
  ElfImage(uint64_t load_bias, const ElfW(Phdr) * headers, size_t header_count);
  explicit ElfImage(const dl_phdr_info& info)
      : ElfImage(info.dlpi_addr, info.dlpi_phdr, info.dlpi_phnum) {}

  // The defined dynamic symbol called `name` (any version), or null.
  const ElfW(Sym) * FindSymbol(const char* name) const;
  // Its address, or 0 when absent or not an ordinary function or object.
  uint64_t FindAddress(const char* name) const;

  // The GNU build id; `*bytes` points into the image. 0 when there is none.
  size_t BuildId(const uint8_t** bytes) const;

  // True when [address, address + bytes) lies within one readable segment's file content.
  bool Covers(uint64_t address, uint64_t bytes) const;
  // End of the readable segment that holds `address`, or 0.
  uint64_t SegmentEnd(uint64_t address) const;
  uint64_t SegmentStart(uint64_t address) const;

  uint64_t load_bias() const { return load_bias_; }
  // .eh_frame_hdr in memory, 0 when there is none.
  uint64_t eh_frame_hdr() const { return eh_frame_hdr_; }
  bool has_tls() const { return has_tls_; }
  // DT_FLAGS has DF_STATIC_TLS: its thread-locals lie at a fixed distance from the thread pointer.
  bool static_tls() const { return static_tls_; }

 private:
  void ReadDynamic(const ElfW(Dyn) * entry, size_t count);
  const ElfW(Sym) * FindByGnuHash(const char* name) const;
  const ElfW(Sym) * FindBySysvHash(const char* name) const;
  bool Is(const ElfW(Sym) & symbol, const char* name) const;

  uint64_t load_bias_;
  const ElfW(Phdr) * headers_;
  size_t header_count_;
  uint64_t eh_frame_hdr_ = 0;
  bool has_tls_ = false;
  bool static_tls_ = false;
  const ElfW(Sym) * symbols_ = nullptr;
  const char* strings_ = nullptr;
  uint64_t strings_bytes_ = 0;
  const uint32_t* gnu_hash_ = nullptr;
  const uint32_t* sysv_hash_ = nullptr;
};

}  // namespace tidemark::recorder
