#include "goheap/dwarf_fields.h"

#include <dwarf.h>
#include <elfutils/libdw.h>

#include <algorithm>

namespace tidemark::goheap {
namespace {

std::string_view NameOf(Dwarf_Die& die) {
  const char* const name = dwarf_diename(&die);
  return name == nullptr ? std::string_view() : name;
}

std::optional<uint64_t> NumberOf(Dwarf_Die& die, unsigned attribute) {
  Dwarf_Attribute found;
  Dwarf_Word value = 0;
  if (dwarf_attr(&die, attribute, &found) == nullptr || dwarf_formudata(&found, &value) != 0) {
    return std::nullopt;
  }
  return value;
}

uint64_t BytesOfType(Dwarf_Die& member) {
  Dwarf_Attribute attribute;
  Dwarf_Die type;
  if (dwarf_attr(&member, DW_AT_type, &attribute) == nullptr ||
      dwarf_formref_die(&attribute, &type) == nullptr) {
    return 0;
  }
  Dwarf_Word bytes = 0;
  return dwarf_aggregate_size(&type, &bytes) == 0 ? bytes : 0;
}

void ReadMembers(Dwarf_Die& structure, std::map<std::string, FieldPlace>& fields) {
  Dwarf_Die member;
  if (dwarf_child(&structure, &member) != 0) return;
  do {
    if (dwarf_tag(&member) != DW_TAG_member) continue;
    if (const auto offset = NumberOf(member, DW_AT_data_member_location)) {
      fields[std::string(NameOf(member))] = {*offset, BytesOfType(member)};
    }
  } while (dwarf_siblingof(&member, &member) == 0);
}

void ReadUnit(Dwarf_Die& unit, std::span<const std::string_view> wanted, RuntimeFields& fields) {
  Dwarf_Die die;
  if (dwarf_child(&unit, &die) != 0) return;
  do {
    if (dwarf_tag(&die) != DW_TAG_structure_type) continue;
    const std::string_view name = NameOf(die);
    if (std::find(wanted.begin(), wanted.end(), name) != wanted.end()) {
      ReadMembers(die, fields[std::string(name)]);
    }
  } while (dwarf_siblingof(&die, &die) == 0);
}

}  // namespace

RuntimeFields ReadRuntimeFields(const ElfFile& file, std::span<const std::string_view> wanted) {
  RuntimeFields fields;
  Dwarf* const dwarf = dwarf_begin_elf(file.elf(), DWARF_C_READ, nullptr);
  if (dwarf == nullptr) return fields;
  Dwarf_CU* unit = nullptr;
  Dwarf_Die die;
  while (dwarf_get_units(dwarf, unit, &unit, nullptr, nullptr, &die, nullptr) == 0) {
    if (NameOf(die) == "runtime") ReadUnit(die, wanted, fields);
  }
  dwarf_end(dwarf);
  return fields;
}

}  // namespace tidemark::goheap
