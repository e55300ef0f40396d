#include "goheap/go_executable.h"

#include <gelf.h>

#include <algorithm>
#include <cstring>

namespace tidemark::goheap {
namespace {

constexpr size_t kMaxSymbols = 4 << 20;
constexpr size_t kMaxRelocations = 16 << 20;
constexpr size_t kMaxName = 4096;
constexpr size_t kMaxFields = 65'535;
constexpr size_t kMaxFieldsInAll = 8 << 20;
constexpr uint64_t kTypeBytes = 48;  // of internal/abi.Type, before what a kind adds

// "go%2euber%2eorg/zap.Cache" -> "go.uber.org/zap.Cache": dots of an import path's last part.
std::string WithoutEscapes(std::string_view name) {
  std::string plain;
  for (size_t i = 0; i < name.size(); ++i) {
    if (name.compare(i, 3, "%2e") == 0) {
      plain += '.';
      i += 2;
    } else {
      plain += name[i];
    }
  }
  return plain;
}

bool IsBookkeeping(std::string_view name) {
  return name.starts_with("go:") || name.starts_with("type:") || name.starts_with("type.") ||
         name.starts_with("go.") || name.find("..") != name.npos || name.starts_with("$");
}

}  // namespace

Result<std::unique_ptr<GoExecutable>> GoExecutable::Open(const std::string& path) {
  TIDEMARK_ASSIGN_OR_RETURN(auto file, ElfFile::Open(path));
  auto executable = std::unique_ptr<GoExecutable>(new GoExecutable(std::move(file)));
  TIDEMARK_RETURN_IF_ERROR(executable->ReadTables());
  return executable;
}

Result<void> GoExecutable::ReadTables() {
  Elf* elf = file_->elf();
  GElf_Ehdr header;
  if (gelf_getehdr(elf, &header) == nullptr || header.e_ident[EI_CLASS] != ELFCLASS64 ||
      header.e_ident[EI_DATA] != ELFDATA2LSB) {
    return InvalidArgument(path() + ": not a 64-bit little-endian program");
  }
  size_t file_bytes = 0, segments = 0;
  const char* raw = elf_rawfile(elf, &file_bytes);
  if (raw == nullptr || elf_getphdrnum(elf, &segments) != 0) {
    return Corrupt(path() + ": program headers cannot be read");
  }
  for (size_t i = 0; i < segments; ++i) {
    GElf_Phdr segment;
    if (gelf_getphdr(elf, static_cast<int>(i), &segment) == nullptr) continue;
    if (segment.p_type != PT_LOAD || segment.p_offset >= file_bytes) continue;
    const size_t bytes =
        static_cast<size_t>(std::min<uint64_t>(segment.p_filesz, file_bytes - segment.p_offset));
    segments_.push_back(
        {segment.p_vaddr, {reinterpret_cast<const std::byte*>(raw) + segment.p_offset, bytes}});
  }
  ReadSymbols();
  ReadRelocations();
  ReadVersion();
  if (version_.empty()) ReadStrippedVersion();
  if (!Symbol("runtime.types")) ReadModule();
  if (version_.empty() && !file_->HasSection(".gopclntab")) {
    return InvalidArgument(path() + ": not a Go program");
  }
  return {};
}

void GoExecutable::ReadSymbols() {
  Elf_Scn* section = nullptr;
  while ((section = elf_nextscn(file_->elf(), section)) != nullptr) {
    GElf_Shdr header;
    if (gelf_getshdr(section, &header) == nullptr || header.sh_type != SHT_SYMTAB) continue;
    Elf_Data* data = elf_getdata(section, nullptr);
    if (data == nullptr || header.sh_entsize == 0) continue;
    const size_t count = std::min<size_t>(data->d_size / header.sh_entsize, kMaxSymbols);
    for (size_t i = 0; i < count; ++i) {
      GElf_Sym symbol;
      if (gelf_getsym(data, static_cast<int>(i), &symbol) == nullptr) break;
      const int type = GELF_ST_TYPE(symbol.st_info);
      if (symbol.st_shndx == SHN_UNDEF || type == STT_FUNC || type == STT_FILE) continue;
      const char* name = elf_strptr(file_->elf(), header.sh_link, symbol.st_name);
      if (name == nullptr) continue;
      const std::string_view text(name);
      if (text.starts_with("runtime.")) symbols_.emplace(text, symbol.st_value);
      if (type != STT_OBJECT || symbol.st_size == 0 || IsBookkeeping(text)) continue;
      globals_.push_back({symbol.st_value, symbol.st_size, WithoutEscapes(text)});
    }
  }
  std::stable_sort(globals_.begin(), globals_.end(),
                   [](const GoGlobal& a, const GoGlobal& b) { return a.address < b.address; });
}

// A position-independent executable has its pointers in relocations, not in its bytes.
void GoExecutable::ReadRelocations() {
  Elf_Scn* section = nullptr;
  while ((section = elf_nextscn(file_->elf(), section)) != nullptr) {
    GElf_Shdr header;
    if (gelf_getshdr(section, &header) == nullptr || header.sh_type != SHT_RELA) continue;
    Elf_Data* data = elf_getdata(section, nullptr);
    if (data == nullptr || header.sh_entsize == 0) continue;
    const size_t count = std::min<size_t>(data->d_size / header.sh_entsize, kMaxRelocations);
    for (size_t i = 0; i < count; ++i) {
      GElf_Rela rela;
      if (gelf_getrela(data, static_cast<int>(i), &rela) == nullptr) break;
      const uint64_t kind = GELF_R_TYPE(rela.r_info);
      if (kind != R_X86_64_RELATIVE && kind != R_AARCH64_RELATIVE) continue;
      relocated_[rela.r_offset] = static_cast<uint64_t>(rela.r_addend);
    }
  }
}

// runtime.buildVersion is a string whose bytes lie in rodata.
void GoExecutable::ReadVersion() {
  const auto at = Symbol("runtime.buildVersion");
  if (!at) return;
  const auto text = PointerAt(*at);
  const auto length = Read<uint64_t>(*at + 8);
  if (!text || !length || *length > 256) return;
  const auto bytes = Bytes(*text, static_cast<size_t>(*length));
  version_.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (!version_.starts_with("go") && !version_.starts_with("devel")) version_.clear();
}

int GoExecutable::minor() const {
  int minor = 0;
  if (!version_.starts_with("go1.")) return 99;
  for (size_t i = 4; i < version_.size() && version_[i] >= '0' && version_[i] <= '9'; ++i) {
    minor = std::min(minor * 10 + (version_[i] - '0'), 1000);
  }
  return minor;
}

std::optional<uint64_t> GoExecutable::Symbol(std::string_view name) const {
  const auto found = symbols_.find(std::string(name));
  if (found == symbols_.end()) return std::nullopt;
  return found->second;
}

const GoGlobal* GoExecutable::GlobalAt(uint64_t address) const {
  const auto above = std::upper_bound(
      globals_.begin(), globals_.end(), address,
      [](uint64_t value, const GoGlobal& global) { return value < global.address; });
  if (above == globals_.begin()) return nullptr;
  const GoGlobal& global = *(above - 1);
  return address - global.address < global.bytes ? &global : nullptr;
}

std::span<const std::byte> GoExecutable::Bytes(uint64_t address, size_t count) const {
  for (const Segment& segment : segments_) {
    if (address - segment.address >= segment.bytes.size()) continue;
    const auto rest = segment.bytes.subspan(static_cast<size_t>(address - segment.address));
    return rest.first(std::min(count, rest.size()));
  }
  return {};
}

std::optional<uint64_t> GoExecutable::PointerAt(uint64_t address) const {
  if (const auto found = relocated_.find(address); found != relocated_.end()) return found->second;
  return Read<uint64_t>(address);
}

// A name as reflection keeps it: a byte of flags, the length as a varint, the text.
std::string GoExecutable::NameAt(uint64_t address) const {
  uint64_t length = 0, at = address + 1;
  for (int shift = 0; shift < 21; shift += 7) {
    const auto byte = Read<uint8_t>(at++);
    if (!byte) return "";
    length |= uint64_t{*byte & 0x7fu} << shift;
    if ((*byte & 0x80) == 0) break;
  }
  if (length > kMaxName) return "";
  const auto bytes = Bytes(at, static_cast<size_t>(length));
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

const GoType* GoExecutable::TypeAt(uint64_t descriptor) const {
  if (descriptor == 0) return nullptr;
  if (const auto found = types_.find(descriptor); found != types_.end()) return found->second.get();
  if (types_.size() >= kMaxTypes) return nullptr;
  auto type = std::make_unique<GoType>();
  if (!ReadType(descriptor, type.get())) type.reset();
  return types_.emplace(descriptor, std::move(type)).first->second.get();
}

bool GoExecutable::ReadType(uint64_t descriptor, GoType* type) const {
  const auto types = Symbol("runtime.types");
  const auto etypes = Symbol("runtime.etypes");
  if (!types) return false;  // names count from there
  const auto raw = Bytes(descriptor, kTypeBytes);
  if (raw.size() < kTypeBytes || descriptor % 8 != 0) return false;
  if (etypes && *etypes > *types && descriptor - *types >= *etypes - *types) return false;
  const auto flags = *Read<uint8_t>(descriptor + 20);
  const auto kind = *Read<uint8_t>(descriptor + 23);
  type->bytes = *Read<uint64_t>(descriptor);
  type->pointer_bytes = *Read<uint64_t>(descriptor + 8);
  type->kind = static_cast<GoKind>(kind & 31);
  type->pointer_shaped = minor() >= 26 ? (flags & 32) != 0 : (kind & 32) != 0;
  if (type->pointer_bytes > type->bytes || (kind & 31) == 0 || (kind & 31) > 26) return false;
  const auto offset = static_cast<int64_t>(*Read<int32_t>(descriptor + 40));
  type->name = NameAt(*types + static_cast<uint64_t>(offset));
  if ((flags & 2) != 0 && type->name.starts_with('*')) type->name.erase(0, 1);
  if (type->name.empty()) return false;  // even types without a name have their text
  const auto pointer = [&](uint64_t offset) { return PointerAt(descriptor + offset).value_or(0); };
  switch (type->kind) {
    case GoKind::kArray:
      type->length = Read<uint64_t>(descriptor + 64).value_or(0);
      [[fallthrough]];
    case GoKind::kChan:
    case GoKind::kPointer:
    case GoKind::kSlice:
      type->element = pointer(48);
      break;
    case GoKind::kMap:
      type->key = pointer(48);
      type->element = pointer(56);
      type->group = pointer(64);
      break;
    case GoKind::kStruct:
      ReadFields(descriptor, type);
      break;
    default:
      break;
  }
  return true;
}

void GoExecutable::ReadFields(uint64_t descriptor, GoType* type) const {
  const uint64_t fields = PointerAt(descriptor + 56).value_or(0);
  const uint64_t count =
      std::min<uint64_t>(Read<uint64_t>(descriptor + 64).value_or(0), kMaxFields);
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t at = fields + i * 24;
    const auto name = PointerAt(at), field_type = PointerAt(at + 8);
    const auto offset = Read<uint64_t>(at + 16);
    if (!name || !field_type || !offset || *offset > type->bytes) return;
    if (++fields_ > kMaxFieldsInAll) return;
    type->fields.push_back({NameAt(*name), *field_type, *offset});
  }
}

}  // namespace tidemark::goheap
