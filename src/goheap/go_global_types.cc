#include "goheap/go_global_types.h"

#include <dwarf.h>

#include <algorithm>
#include <cstring>

namespace tidemark::goheap {
namespace {

// Attributes that Go's linker adds (cmd/internal/dwarf).
constexpr unsigned kGoKind = 0x2900, kGoElement = 0x2902, kGoRuntimeType = 0x2904;
constexpr size_t kMaxVariables = 1 << 20;
constexpr int kMaxDepth = 16;
constexpr uint64_t kMaxSteps = 4 << 20;

bool TypeOf(Dwarf_Die* die, unsigned attribute, Dwarf_Die* type) {
  Dwarf_Attribute value;
  return dwarf_attr(die, attribute, &value) != nullptr &&
         dwarf_formref_die(&value, type) != nullptr;
}

uint64_t NumberOf(Dwarf_Die* die, unsigned attribute) {
  Dwarf_Attribute value;
  Dwarf_Word number = 0;
  if (dwarf_attr(die, attribute, &value) == nullptr) return 0;
  if (dwarf_formudata(&value, &number) == 0) return number;
  Dwarf_Addr address = 0;  // DW_FORM_addr in some releases
  return dwarf_formaddr(&value, &address) == 0 ? address : 0;
}

// The fixed address of a variable; 0: it has none. Go writes its location as a plain block, which
// dwarf_getlocation refuses since DWARF 4.
uint64_t AddressOf(Dwarf_Die* variable) {
  Dwarf_Attribute location;
  Dwarf_Block block;
  if (dwarf_attr(variable, DW_AT_location, &location) == nullptr) return 0;
  if (dwarf_formblock(&location, &block) != 0 || block.length == 0) return 0;
  if (block.data[0] == DW_OP_addr && block.length == 9) {
    uint64_t address = 0;
    std::memcpy(&address, block.data + 1, sizeof address);
    return address;
  }
  if (block.data[0] != DW_OP_addrx) return 0;
  Dwarf_Op* operations = nullptr;  // DWARF 5: an index into .debug_addr
  size_t count = 0;
  Dwarf_Attribute indexed;
  Dwarf_Addr address = 0;
  if (dwarf_getlocation(&location, &operations, &count) != 0 || count != 1 ||
      dwarf_getlocation_attr(&location, &operations[0], &indexed) != 0) {
    return 0;
  }
  return dwarf_formaddr(&indexed, &address) == 0 ? address : 0;
}

}  // namespace

GoGlobalTypes::GoGlobalTypes(const GoExecutable& executable, GoLayouts& layouts)
    : executable_(executable),
      layouts_(layouts),
      dwarf_(dwarf_begin_elf(executable.file().elf(), DWARF_C_READ, nullptr)),
      types_(executable.Symbol("runtime.types").value_or(0)) {
  if (dwarf_ != nullptr && types_ != 0) ReadVariables();
}

GoGlobalTypes::~GoGlobalTypes() {
  if (dwarf_ != nullptr) dwarf_end(dwarf_);
}

void GoGlobalTypes::ReadVariables() {
  Dwarf_CU* unit = nullptr;
  Dwarf_Die top;
  while (dwarf_get_units(dwarf_, unit, &unit, nullptr, nullptr, &top, nullptr) == 0) {
    Dwarf_Die child;
    if (dwarf_child(&top, &child) != 0) continue;
    do {
      if (dwarf_tag(&child) != DW_TAG_variable || variables_.size() >= kMaxVariables) continue;
      Dwarf_Die type;
      const uint64_t address = AddressOf(&child);
      if (address != 0 && TypeOf(&child, DW_AT_type, &type)) {
        variables_.emplace(address, dwarf_dieoffset(&type));
      }
    } while (dwarf_siblingof(&child, &child) == 0);
  }
}

uint64_t GoGlobalTypes::DescriptorOf(Dwarf_Die* type) const {
  const uint64_t offset = NumberOf(type, kGoRuntimeType);
  if (offset == 0) return 0;
  // An offset from runtime.types; some releases give the address itself.
  const uint64_t descriptor = offset < types_ ? types_ + offset : offset;
  return executable_.TypeAt(descriptor) != nullptr ? descriptor : 0;
}

const std::vector<GoSlot>* GoGlobalTypes::SlotsOf(uint64_t address) {
  const auto variable = variables_.find(address);
  if (variable == variables_.end()) return nullptr;
  const auto [entry, added] = slots_.try_emplace(address);
  if (added) {
    Dwarf_Die type;
    if (dwarf_offdie(dwarf_, variable->second, &type) != nullptr) {
      AppendSlots(&type, 0, &entry->second, 0);
    }
    std::stable_sort(entry->second.begin(), entry->second.end(),
                     [](const GoSlot& a, const GoSlot& b) { return a.offset < b.offset; });
  }
  return &entry->second;
}

void GoGlobalTypes::AppendSlots(Dwarf_Die* type, uint64_t offset, std::vector<GoSlot>* slots,
                                int depth) {
  if (depth > kMaxDepth || slots->size() >= GoLayout::kMaxSlots) return;
  if (++steps_ > kMaxSteps) return;
  if (const uint64_t descriptor = DescriptorOf(type); descriptor != 0) {
    layouts_.AppendSlots(descriptor, offset, slots);
    return;
  }
  Dwarf_Die inner;
  const auto kind = static_cast<GoKind>(NumberOf(type, kGoKind));
  if (kind == GoKind::kSlice && TypeOf(type, kGoElement, &inner)) {
    GoSlot slot = layouts_.SlotOf(DescriptorOf(&inner), true);
    slot.offset = offset;
    slots->push_back(slot);
  } else if (dwarf_tag(type) == DW_TAG_pointer_type && TypeOf(type, DW_AT_type, &inner)) {
    GoSlot slot = layouts_.SlotOf(DescriptorOf(&inner), false);
    slot.offset = offset;
    slots->push_back(slot);
  } else if (dwarf_tag(type) == DW_TAG_typedef && TypeOf(type, DW_AT_type, &inner)) {
    AppendSlots(&inner, offset, slots, depth + 1);
  } else if (dwarf_tag(type) == DW_TAG_structure_type) {
    AppendStruct(type, offset, slots, depth);
  }
}

void GoGlobalTypes::AppendStruct(Dwarf_Die* type, uint64_t offset, std::vector<GoSlot>* slots,
                                 int depth) {
  Dwarf_Die member;
  if (dwarf_child(type, &member) != 0) return;
  do {
    Dwarf_Die inner;
    if (dwarf_tag(&member) != DW_TAG_member || !TypeOf(&member, DW_AT_type, &inner)) continue;
    AppendSlots(&inner, offset + NumberOf(&member, DW_AT_data_member_location), slots, depth + 1);
  } while (steps_ <= kMaxSteps && dwarf_siblingof(&member, &member) == 0);
}

}  // namespace tidemark::goheap
