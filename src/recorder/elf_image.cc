#include "recorder/elf_image.h"

#include <string.h>

namespace tidemark::recorder {
namespace {

constexpr size_t kMaxDynamicEntries = 512;
constexpr uint32_t kMaxChain = 1 << 16;  // symbols looked at in one hash bucket

// The dynamic section's addresses are relocated by glibc for most objects, but not for all (the
// vDSO): take either.
uint64_t Relocated(uint64_t load_bias, uint64_t address) {
  return address < load_bias ? load_bias + address : address;
}

// The GNU hash function (binutils, "DT_GNU_HASH": h = h * 33 + c from 5381).
uint32_t GnuHash(const char* name) {
  uint32_t hash = 5381;
  for (; *name != 0; ++name) hash = hash * 33 + static_cast<uint8_t>(*name);
  return hash;
}

// System V ABI, figure 5-13.
uint32_t SysvHash(const char* name) {
  uint32_t hash = 0;
  for (; *name != 0; ++name) {
    hash = (hash << 4) + static_cast<uint8_t>(*name);
    const uint32_t high = hash & 0xf0000000;
    if (high != 0) hash ^= high >> 24;
    hash &= ~high;
  }
  return hash;
}

}  // namespace

ElfImage::ElfImage(uint64_t load_bias, const ElfW(Phdr) * headers, size_t header_count)
    : load_bias_(load_bias), headers_(headers), header_count_(header_count) {
  for (size_t i = 0; i < header_count_; ++i) {
    const ElfW(Phdr)& header = headers_[i];
    const uint64_t address = load_bias_ + header.p_vaddr;
    if (header.p_type == PT_GNU_EH_FRAME) eh_frame_hdr_ = address;
    if (header.p_type == PT_TLS) has_tls_ = true;
    if (header.p_type == PT_DYNAMIC) {
      ReadDynamic(reinterpret_cast<const ElfW(Dyn)*>(address), header.p_memsz / sizeof(ElfW(Dyn)));
    }
  }
}

void ElfImage::ReadDynamic(const ElfW(Dyn) * entry, size_t count) {
  if (count > kMaxDynamicEntries) count = kMaxDynamicEntries;
  for (size_t i = 0; i < count && entry[i].d_tag != DT_NULL; ++i) {
    const uint64_t address = Relocated(load_bias_, entry[i].d_un.d_ptr);
    switch (entry[i].d_tag) {
      case DT_SYMTAB:
        symbols_ = reinterpret_cast<const ElfW(Sym)*>(address);
        break;
      case DT_STRTAB:
        strings_ = reinterpret_cast<const char*>(address);
        break;
      case DT_STRSZ:
        strings_bytes_ = entry[i].d_un.d_val;
        break;
      case DT_GNU_HASH:
        gnu_hash_ = reinterpret_cast<const uint32_t*>(address);
        break;
      case DT_HASH:
        sysv_hash_ = reinterpret_cast<const uint32_t*>(address);
        break;
      case DT_FLAGS:
        static_tls_ = (entry[i].d_un.d_val & DF_STATIC_TLS) != 0;
        break;
      default:
        break;
    }
  }
  const bool usable = symbols_ != nullptr && strings_ != nullptr &&
                      SegmentEnd(reinterpret_cast<uint64_t>(symbols_)) != 0 &&
                      SegmentEnd(reinterpret_cast<uint64_t>(strings_)) != 0;
  if (!usable) symbols_ = nullptr;
}

uint64_t ElfImage::SegmentEnd(uint64_t address) const {
  for (size_t i = 0; i < header_count_; ++i) {
    const ElfW(Phdr)& header = headers_[i];
    const uint64_t start = load_bias_ + header.p_vaddr;
    if (header.p_type == PT_LOAD && (header.p_flags & PF_R) != 0 && address >= start &&
        address - start < header.p_filesz) {
      return start + header.p_filesz;
    }
  }
  return 0;
}

uint64_t ElfImage::SegmentStart(uint64_t address) const {
  for (size_t i = 0; i < header_count_; ++i) {
    const ElfW(Phdr)& header = headers_[i];
    const uint64_t start = load_bias_ + header.p_vaddr;
    if (header.p_type == PT_LOAD && address >= start && address - start < header.p_filesz)
      return start;
  }
  return 0;
}

bool ElfImage::Covers(uint64_t address, uint64_t bytes) const {
  const uint64_t end = SegmentEnd(address);
  return end != 0 && bytes <= end - address;
}

bool ElfImage::Is(const ElfW(Sym) & symbol, const char* name) const {
  return symbol.st_shndx != SHN_UNDEF && symbol.st_name < strings_bytes_ &&
         strcmp(strings_ + symbol.st_name, name) == 0;
}

const ElfW(Sym) * ElfImage::FindSymbol(const char* name) const {
  if (symbols_ == nullptr) return nullptr;
  if (gnu_hash_ != nullptr) return FindByGnuHash(name);
  if (sysv_hash_ != nullptr) return FindBySysvHash(name);
  return nullptr;
}

// Layout: bucket count, first hashed symbol, bloom words, bloom shift; bloom[] (64-bit); buckets[];
// hash values[].
const ElfW(Sym) * ElfImage::FindByGnuHash(const char* name) const {
  const uint32_t buckets = gnu_hash_[0];
  const uint32_t first = gnu_hash_[1];
  const uint32_t bloom_words = gnu_hash_[2];
  if (buckets == 0 || bloom_words == 0) return nullptr;
  const uint32_t hash = GnuHash(name);
  const auto* bloom = reinterpret_cast<const uint64_t*>(gnu_hash_ + 4);
  const uint64_t word = bloom[(hash / 64) % bloom_words];
  if (((word >> (hash % 64)) & (word >> ((hash >> gnu_hash_[3]) % 64)) & 1) == 0) return nullptr;
  const auto* bucket = reinterpret_cast<const uint32_t*>(bloom + bloom_words);
  const uint32_t* values = bucket + buckets;
  uint32_t index = bucket[hash % buckets];
  if (index < first) return nullptr;
  for (uint32_t step = 0; step < kMaxChain; ++step, ++index) {
    const uint32_t value = values[index - first];
    if ((value | 1) == (hash | 1) && Is(symbols_[index], name)) return &symbols_[index];
    if ((value & 1) != 0) break;
  }
  return nullptr;
}

const ElfW(Sym) * ElfImage::FindBySysvHash(const char* name) const {
  const uint32_t buckets = sysv_hash_[0];
  const uint32_t chains = sysv_hash_[1];
  if (buckets == 0) return nullptr;
  uint32_t index = sysv_hash_[2 + SysvHash(name) % buckets];
  for (uint32_t step = 0; index != 0 && index < chains && step < kMaxChain; ++step) {
    if (Is(symbols_[index], name)) return &symbols_[index];
    index = sysv_hash_[2 + buckets + index];
  }
  return nullptr;
}

uint64_t ElfImage::FindAddress(const char* name) const {
  const ElfW(Sym)* symbol = FindSymbol(name);
  if (symbol == nullptr) return 0;
  const int type = ELF64_ST_TYPE(symbol->st_info);
  if (type != STT_FUNC && type != STT_OBJECT && type != STT_NOTYPE) return 0;
  return load_bias_ + symbol->st_value;
}

size_t ElfImage::BuildId(const uint8_t** bytes) const {
  for (size_t i = 0; i < header_count_; ++i) {
    const ElfW(Phdr)& header = headers_[i];
    if (header.p_type != PT_NOTE || !Covers(load_bias_ + header.p_vaddr, header.p_memsz)) continue;
    const auto* at = reinterpret_cast<const uint8_t*>(load_bias_ + header.p_vaddr);
    const uint8_t* end = at + header.p_memsz;
    while (static_cast<size_t>(end - at) >= sizeof(ElfW(Nhdr))) {
      ElfW(Nhdr) note;
      memcpy(&note, at, sizeof note);
      const uint64_t name_bytes = (uint64_t{note.n_namesz} + 3) & ~uint64_t{3};
      const uint64_t data_bytes = (uint64_t{note.n_descsz} + 3) & ~uint64_t{3};
      const uint64_t rest = static_cast<uint64_t>(end - at) - sizeof note;
      if (name_bytes > rest || data_bytes > rest - name_bytes) break;
      const uint8_t* name = at + sizeof note;
      if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && memcmp(name, "GNU", 4) == 0) {
        *bytes = name + name_bytes;
        return note.n_descsz;
      }
      at += sizeof note + name_bytes + data_bytes;
    }
  }
  return 0;
}

}  // namespace tidemark::recorder
