// What a Go executable without symbols (go build -ldflags=-s) still says of itself: its version in
// .go.buildinfo, and its runtime.moduledata, found by the address of .gopclntab in its first word.
#include <gelf.h>

#include <cstring>

#include "goheap/go_executable.h"
#include "goheap/runtime_layout.h"

namespace tidemark::goheap {
namespace {

struct Section {
  uint64_t address = 0, bytes = 0;
};

Section SectionOf(Elf* elf, std::string_view ending) {
  size_t names = 0;
  if (elf_getshdrstrndx(elf, &names) != 0) return {};
  for (Elf_Scn* at = nullptr; (at = elf_nextscn(elf, at)) != nullptr;) {
    GElf_Shdr header;
    if (gelf_getshdr(at, &header) == nullptr) continue;
    const char* const name = elf_strptr(elf, names, header.sh_name);
    if (name == nullptr || !std::string_view(name).ends_with(ending)) continue;
    return {header.sh_addr, header.sh_size};
  }
  return {};
}

}  // namespace

// Source: Go's src/debug/buildinfo: 14 bytes of magic, the pointer's size, flags; when these have
// bit 1 (since Go 1.18), the version stands at 32 behind its length as a varint.
void GoExecutable::ReadStrippedVersion() {
  constexpr std::string_view kMagic = "\xff Go buildinf:";
  const Section section = SectionOf(file_->elf(), ".go.buildinfo");
  const auto info = Bytes(section.address, 33 + 127);
  if (section.bytes < 34 || info.size() < 34) return;
  if (std::memcmp(info.data(), kMagic.data(), kMagic.size()) != 0) return;
  const auto flags = static_cast<uint8_t>(info[15]), length = static_cast<uint8_t>(info[32]);
  if ((flags & 2) == 0 || length > 127 || info.size() < 33u + length) return;
  version_.assign(reinterpret_cast<const char*>(info.data()) + 33, length);
  if (!version_.starts_with("go") && !version_.starts_with("devel")) version_.clear();
}

void GoExecutable::ReadModule() {
  const uint64_t table = SectionOf(file_->elf(), ".gopclntab").address;
  if (table == 0) return;
  for (const auto& [address, target] : relocated_) {
    if (target == table && ReadModuleAt(address)) return;
  }
  for (const Segment& segment : segments_) {
    const uint64_t unaligned = -segment.address % 8;
    for (uint64_t at = unaligned; at + 8 <= segment.bytes.size(); at += 8) {
      uint64_t word = 0;
      std::memcpy(&word, segment.bytes.data() + at, sizeof word);
      if (word == table && ReadModuleAt(segment.address + at)) return;
    }
  }
}

bool GoExecutable::ReadModuleAt(uint64_t address) {
  const auto nothing = [](std::string_view, std::string_view) -> std::optional<FieldPlace> {
    return std::nullopt;
  };
  const auto layout = LayoutOfRuntime(minor(), nothing);
  if (!layout) return false;
  const auto word = [&](uint64_t offset) { return PointerAt(address + offset).value_or(0); };
  const uint64_t types = word(layout->module_types), etypes = word(layout->module_etypes);
  const uint64_t data = word(layout->module_data), edata = word(layout->module_data + 8);
  const uint64_t bss = word(layout->module_data + 16), ebss = word(layout->module_data + 24);
  if (types == 0 || types >= etypes || Bytes(types, 1).empty()) return false;
  if (data == 0 || data > edata || edata > bss || bss > ebss) return false;
  symbols_ = {{"runtime.types", types}, {"runtime.etypes", etypes}, {"runtime.data", data},
              {"runtime.edata", edata}, {"runtime.bss", bss},       {"runtime.ebss", ebss}};
  return true;
}

}  // namespace tidemark::goheap
