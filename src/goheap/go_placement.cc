#include <gelf.h>

#include "goheap/go_naming.h"

namespace tidemark::goheap {
namespace {

constexpr uint64_t kPage = 4096;

// What "go1.24.4 X:..." and "go1.24.4" have in common.
std::string_view Release(std::string_view version) { return version.substr(0, version.find(' ')); }

std::string Hex(uint64_t number) {
  char text[24];
  std::snprintf(text, sizeof(text), "0x%llx", static_cast<unsigned long long>(number));
  return text;
}

}  // namespace

GoPlacement::GoPlacement(const GoExecutable& executable)
    : executable_(executable),
      data_(RangeOf(".data", "runtime.data", "runtime.edata")),
      bss_(RangeOf(".bss", "runtime.bss", "runtime.ebss")) {
  GElf_Ehdr header;
  fixed_ = gelf_getehdr(executable.file().elf(), &header) != nullptr && header.e_type == ET_EXEC;
}

// By symbols, else (stripped) by section: Go's own linker makes both equal.
GoPlacement::Range GoPlacement::RangeOf(const char* section, std::string_view begin,
                                        std::string_view end) const {
  const auto from = executable_.Symbol(begin), to = executable_.Symbol(end);
  if (from && to && *from <= *to) return {*from, *to};
  Elf* const elf = executable_.file().elf();
  size_t names = 0;
  if (elf_getshdrstrndx(elf, &names) != 0) return {};
  Elf_Scn* at = nullptr;
  while ((at = elf_nextscn(elf, at)) != nullptr) {
    GElf_Shdr header;
    if (gelf_getshdr(at, &header) == nullptr) continue;
    const char* const name = elf_strptr(elf, names, header.sh_name);
    if (name == nullptr || std::string_view(name) != section) continue;
    return {header.sh_addr, header.sh_addr + header.sh_size};
  }
  return {};
}

void GoPlacement::Refuse(std::string why) {
  if (mismatch_.empty()) mismatch_ = executable_.path() + " is not what was dumped: " + why;
}

void GoPlacement::AddVersion(std::string_view version) {
  const std::string& ours = executable_.version();
  if (ours.empty() || Release(ours) == Release(version)) return;
  Refuse("it was built by " + ours + ", the dump is of " + std::string(version));
}

void GoPlacement::AddType(const heapgraph::TypeEvent& type) {
  if (!slide() && !fixed_) return;
  if (type.bytes == 0 || type.key != DescriptorOf(type.key)) return;
  const uint64_t at = type.key - slide_.value_or(0);
  if (executable_.Bytes(at, 8).empty()) return;  // made while it ran
  const GoType* const known = executable_.TypeAt(at);
  ++types_;
  if (known != nullptr && known->bytes == type.bytes) return;
  Refuse("type " + std::string(type.name) + " of " + std::to_string(type.bytes) +
         " bytes is not at " + Hex(at));
}

void GoPlacement::AddSegment(const heapgraph::HolderEvent& segment) {
  const bool is_data = segment.name == "data";
  const Range& range = is_data ? data_ : bss_;
  if (range.end == 0) return;
  if (!slide_) {
    slide_ = segment.address - range.begin;
    if (*slide_ % kPage != 0 || (fixed_ && *slide_ != 0)) {
      Refuse("its " + std::string(segment.name) + " begins at " + Hex(range.begin) +
             ", the dump's at " + Hex(segment.address));
    }
  }
  // A long segment comes in pieces, of which each lies within and the last ends with it.
  constexpr uint64_t kPieces = uint64_t{1} << 20;
  const uint64_t end = segment.address + segment.bytes - *slide_;
  const bool inside = segment.address - *slide_ >= range.begin && end <= range.end;
  if (!inside || (end != range.end && segment.bytes % kPieces != 0)) {
    Refuse("its " + std::string(segment.name) + " has " + std::to_string(range.end - range.begin) +
           " bytes, the dump's " + std::to_string(segment.bytes));
  }
}

std::optional<uint64_t> GoPlacement::slide() const {
  if (!mismatch_.empty()) return std::nullopt;
  if (slide_) return slide_;
  if (fixed_ && types_ > 0) return 0;
  return std::nullopt;
}

}  // namespace tidemark::goheap
