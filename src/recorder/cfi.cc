#include "recorder/cfi.h"

#include <string.h>

namespace tidemark::recorder {
namespace {

constexpr uint64_t kRbp = 6;
constexpr uint64_t kRsp = 7;
constexpr uint64_t kReturnAddress = 16;
constexpr int kMaxRemembered = 8;  // DW_CFA_remember_state nesting; compilers use 1 or 2

// Reads within [at, end); past the end it yields zeros and stays failed.
struct Cursor {
  uint64_t at = 0;
  uint64_t end = 0;
  bool failed = false;

  template <typename T>
  T Take() {
    T value{};
    if (failed || end - at < sizeof value) {
      failed = true;
      return value;
    }
    memcpy(&value, reinterpret_cast<const void*>(at), sizeof value);
    at += sizeof value;
    return value;
  }

  uint64_t Uleb() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const auto byte = Take<uint8_t>();
      value |= uint64_t{byte & 0x7fu} << shift;
      if ((byte & 0x80) == 0) return value;
    }
    failed = true;
    return 0;
  }

  int64_t Sleb() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const auto byte = Take<uint8_t>();
      value |= uint64_t{byte & 0x7fu} << shift;
      if ((byte & 0x80) != 0) continue;
      if ((byte & 0x40) != 0 && shift + 7 < 64) value |= ~uint64_t{0} << (shift + 7);
      return static_cast<int64_t>(value);
    }
    failed = true;
    return 0;
  }

  void Skip(uint64_t bytes) {
    if (bytes > end - at) failed = true;
    if (!failed) at += bytes;
  }

  // A pointer in one of the DW_EH_PE encodings: low nibble format, 0x70 what it is relative to.
  uint64_t Encoded(uint8_t encoding, uint64_t data_base) {
    if (encoding == 0xff) return 0;
    const uint64_t here = at;
    uint64_t value = 0;
    switch (encoding & 0x0f) {
      case 0x00:
      case 0x04:
      case 0x0c:
        value = Take<uint64_t>();
        break;
      case 0x01:
        value = Uleb();
        break;
      case 0x02:
        value = Take<uint16_t>();
        break;
      case 0x03:
        value = Take<uint32_t>();
        break;
      case 0x09:
        value = static_cast<uint64_t>(Sleb());
        break;
      case 0x0a:
        value = static_cast<uint64_t>(int64_t{Take<int16_t>()});
        break;
      case 0x0b:
        value = static_cast<uint64_t>(int64_t{Take<int32_t>()});
        break;
      default:
        failed = true;
    }
    switch (encoding & 0x70) {
      case 0x00:
        return value;
      case 0x10:
        return here + value;
      case 0x30:
        return data_base + value;
      default:
        failed = true;
        return 0;
    }
  }
};

struct Cie {
  uint64_t code_align = 1;
  int64_t data_align = 1;
  uint8_t pointer_encoding = 0;
  bool has_augmentation = false;
  bool signal = false;
  Cursor instructions;
};

struct Fde {
  Cie cie;
  uint64_t start = 0;
  uint64_t limit = 0;
  Cursor instructions;
};

// A register's rule in the row being built.
struct Row {
  CfaRule rule;
  bool return_address_usual = true;  // at CFA - 8
};

// Enters a length-prefixed entry; the cursor returned ends where the entry does.
Cursor EntryAt(uint64_t address, const CodeRange& range) {
  Cursor cursor{address, range.table_end,
                address < range.table_start || address >= range.table_end};
  uint64_t length = cursor.Take<uint32_t>();
  if (length == 0xffffffff) length = cursor.Take<uint64_t>();
  if (cursor.failed || length == 0 || length > cursor.end - cursor.at) {
    cursor.failed = true;
  } else {
    cursor.end = cursor.at + length;
  }
  return cursor;
}

bool ReadCie(uint64_t address, const CodeRange& range, Cie* cie) {
  Cursor cursor = EntryAt(address, range);
  if (cursor.Take<uint32_t>() != 0) return false;
  const auto version = cursor.Take<uint8_t>();
  if (version != 1 && version != 3) return false;
  char augmentation[8] = {};
  size_t letters = 0;
  while (const char letter = static_cast<char>(cursor.Take<uint8_t>())) {
    if (letters + 1 == sizeof augmentation) return false;
    augmentation[letters++] = letter;
  }
  cie->code_align = cursor.Uleb();
  cie->data_align = cursor.Sleb();
  const uint64_t return_register = version == 1 ? cursor.Take<uint8_t>() : cursor.Uleb();
  if (return_register != kReturnAddress) return false;
  if (augmentation[0] == 'z') {
    cie->has_augmentation = true;
    const uint64_t bytes = cursor.Uleb();
    Cursor data = cursor;
    cursor.Skip(bytes);
    for (size_t i = 1; i < letters; ++i) {
      switch (augmentation[i]) {
        case 'R':
          cie->pointer_encoding = data.Take<uint8_t>();
          break;
        case 'L':
          data.Take<uint8_t>();
          break;
        case 'P': {
          const auto encoding = data.Take<uint8_t>();
          data.Encoded(encoding, 0);
          break;
        }
        case 'S':
          cie->signal = true;
          break;
        default:
          return false;
      }
    }
    if (data.failed) return false;
  } else if (letters != 0) {
    return false;
  }
  cie->instructions = cursor;
  return !cursor.failed;
}

bool ReadFde(uint64_t address, const CodeRange& range, Fde* fde) {
  Cursor cursor = EntryAt(address, range);
  const uint64_t here = cursor.at;
  const auto cie_distance = cursor.Take<uint32_t>();
  if (cursor.failed || cie_distance == 0 || cie_distance > here) return false;
  if (!ReadCie(here - cie_distance, range, &fde->cie)) return false;
  fde->start = cursor.Encoded(fde->cie.pointer_encoding, range.eh_frame_hdr);
  fde->limit = fde->start + cursor.Encoded(fde->cie.pointer_encoding & 0x0f, 0);
  if (fde->cie.has_augmentation) cursor.Skip(cursor.Uleb());
  fde->instructions = cursor;
  return !cursor.failed;
}

// The FDE address for `pc` by .eh_frame_hdr's sorted table, 0 when there is none.
uint64_t FindFde(const CodeRange& range, uint64_t pc) {
  constexpr uint8_t kSortedTable =
      0x3b;  // relative to the header, 4 bytes signed: what every linker writes
  const uint64_t header = range.eh_frame_hdr;
  Cursor cursor{header, range.table_end, header < range.table_start || header >= range.table_end};
  const auto version = cursor.Take<uint8_t>();
  const auto pointer_encoding = cursor.Take<uint8_t>();
  const auto count_encoding = cursor.Take<uint8_t>();
  const auto table_encoding = cursor.Take<uint8_t>();
  cursor.Encoded(pointer_encoding, header);
  const uint64_t count = cursor.Encoded(count_encoding, header);
  if (cursor.failed || version != 1 || table_encoding != kSortedTable || count == 0 ||
      count > (cursor.end - cursor.at) / 8) {
    return 0;
  }
  const uint64_t table = cursor.at;
  const auto entry = [table](uint64_t index, uint64_t field) {
    int32_t value;
    memcpy(&value, reinterpret_cast<const void*>(table + index * 8 + field), sizeof value);
    return value;
  };
  const auto wanted = static_cast<int64_t>(pc - header);
  uint64_t low = 0;
  uint64_t high = count;
  while (high - low > 1) {
    const uint64_t middle = low + (high - low) / 2;
    (entry(middle, 0) <= wanted ? low : high) = middle;
  }
  if (entry(low, 0) > wanted) return 0;
  return header + static_cast<uint64_t>(int64_t{entry(low, 4)});
}

// Knows the three expressions compilers write for the CFA: the PLT's, and a dereference of rbp or
// rsp plus offset.
void SetCfaExpression(Cursor expression, CfaRule* rule) {
  constexpr uint8_t kBregRsp = 0x77;
  constexpr uint8_t kBregRbp = 0x76;
  constexpr uint8_t kDeref = 0x06;
  // breg7 8; breg16 0; lit15; and; lit11; ge; lit3; shl; plus (binutils,
  // elf_x86_64_lazy_plt_eh_frame)
  constexpr uint8_t kPltExpression[] = {0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22};
  rule->kind = CfaRule::kNone;
  if (expression.end - expression.at == sizeof kPltExpression &&
      memcmp(reinterpret_cast<const void*>(expression.at), kPltExpression, sizeof kPltExpression) ==
          0) {
    rule->kind = CfaRule::kPlt;
    return;
  }
  const auto base = expression.Take<uint8_t>();
  const int64_t offset = expression.Sleb();
  const bool dereference = expression.Take<uint8_t>() == kDeref && expression.at == expression.end;
  if (expression.failed || !dereference || (base != kBregRbp && base != kBregRsp)) return;
  rule->kind = CfaRule::kDereference;
  rule->cfa_by_rbp = base == kBregRbp;
  rule->cfa_offset = static_cast<int32_t>(offset);
}

void SetCfaRegister(uint64_t dwarf_register, CfaRule* rule) {
  const bool known = dwarf_register == kRbp || dwarf_register == kRsp;
  rule->kind = known ? CfaRule::kRegister : CfaRule::kNone;
  rule->cfa_by_rbp = dwarf_register == kRbp;
}

void SetSavedAt(uint64_t dwarf_register, int64_t offset, Row* row) {
  if (dwarf_register == kRbp) {
    row->rule.rbp = CfaRule::kRbpAtCfa;
    row->rule.rbp_offset = static_cast<int32_t>(offset);
  } else if (dwarf_register == kReturnAddress) {
    row->return_address_usual = offset == -8;
  }
}

void SetRegisterExpression(uint64_t dwarf_register, Cursor expression, bool is_value, Row* row) {
  if (dwarf_register == kReturnAddress) row->return_address_usual = false;
  if (dwarf_register != kRbp) return;
  constexpr uint8_t kBregRbp = 0x76;
  const auto base = expression.Take<uint8_t>();
  const int64_t offset = expression.Sleb();
  const bool known =
      !is_value && !expression.failed && base == kBregRbp && expression.at == expression.end;
  row->rule.rbp = known ? CfaRule::kRbpAtRbp : CfaRule::kRbpLost;
  row->rule.rbp_offset = static_cast<int32_t>(offset);
}

void SetUnsaved(uint64_t dwarf_register, bool undefined, Row* row) {
  if (dwarf_register == kRbp) row->rule.rbp = undefined ? CfaRule::kRbpLost : CfaRule::kRbpSame;
  if (dwarf_register == kReturnAddress && undefined) row->rule.kind = CfaRule::kEnd;
}

void Restore(uint64_t dwarf_register, const Row& initial, Row* row) {
  if (dwarf_register == kRbp) {
    row->rule.rbp = initial.rule.rbp;
    row->rule.rbp_offset = initial.rule.rbp_offset;
  } else if (dwarf_register == kReturnAddress) {
    row->return_address_usual = initial.return_address_usual;
  }
}

Cursor TakeBlock(Cursor* cursor) {
  const uint64_t bytes = cursor->Uleb();
  Cursor block = *cursor;
  cursor->Skip(bytes);
  block.end = cursor->at;
  block.failed = cursor->failed;
  return block;
}

// Runs call frame instructions until the row for `pc` is complete. One case for each instruction of
// DWARF 5 table 7.29 that occurs in .eh_frame. False on an unknown one.
bool Run(Cursor cursor, const Cie& cie, uint64_t location, uint64_t pc, const Row& initial,
         Row* row) {
  Row remembered[kMaxRemembered];
  int depth = 0;
  bool ended = false;  // return address undefined stays so whatever the CFA becomes
  while (cursor.at < cursor.end && !cursor.failed) {
    const auto opcode = cursor.Take<uint8_t>();
    uint64_t advance = 0;
    switch (opcode & 0xc0) {
      case 0x40:
        advance = opcode & 0x3f;
        break;
      case 0x80:
        SetSavedAt(opcode & 0x3f, static_cast<int64_t>(cursor.Uleb()) * cie.data_align, row);
        continue;
      case 0xc0:
        Restore(opcode & 0x3f, initial, row);
        continue;
      default:
        break;
    }
    if ((opcode & 0xc0) == 0) switch (opcode) {
        case 0x00:
          continue;  // nop
        case 0x01:
          location = cursor.Encoded(cie.pointer_encoding, 0);  // set_loc
          if (location > pc) return !cursor.failed;
          continue;
        case 0x02:
          advance = cursor.Take<uint8_t>();
          break;  // advance_loc1
        case 0x03:
          advance = cursor.Take<uint16_t>();
          break;  // advance_loc2
        case 0x04:
          advance = cursor.Take<uint32_t>();
          break;      // advance_loc4
        case 0x05: {  // offset_extended
          const uint64_t reg = cursor.Uleb();
          SetSavedAt(reg, static_cast<int64_t>(cursor.Uleb()) * cie.data_align, row);
          continue;
        }
        case 0x11: {  // offset_extended_sf
          const uint64_t reg = cursor.Uleb();
          SetSavedAt(reg, cursor.Sleb() * cie.data_align, row);
          continue;
        }
        case 0x06:
          Restore(cursor.Uleb(), initial, row);
          continue;   // restore_extended
        case 0x07: {  // undefined
          const uint64_t reg = cursor.Uleb();
          SetUnsaved(reg, true, row);
          ended = ended || reg == kReturnAddress;
          continue;
        }
        case 0x08:
          SetUnsaved(cursor.Uleb(), false, row);
          continue;   // same_value
        case 0x09: {  // register
          const uint64_t reg = cursor.Uleb();
          cursor.Uleb();
          SetUnsaved(reg, true, row);
          continue;
        }
        case 0x0a:  // remember_state
          if (depth == kMaxRemembered) return false;
          remembered[depth++] = *row;
          continue;
        case 0x0b:  // restore_state
          if (depth == 0) return false;
          *row = remembered[--depth];
          continue;
        case 0x0c:  // def_cfa
          SetCfaRegister(cursor.Uleb(), &row->rule);
          row->rule.cfa_offset = static_cast<int32_t>(cursor.Uleb());
          break;
        case 0x12:  // def_cfa_sf
          SetCfaRegister(cursor.Uleb(), &row->rule);
          row->rule.cfa_offset = static_cast<int32_t>(cursor.Sleb() * cie.data_align);
          break;
        case 0x0d:
          SetCfaRegister(cursor.Uleb(), &row->rule);
          break;  // def_cfa_register
        case 0x0e:
          row->rule.cfa_offset = static_cast<int32_t>(cursor.Uleb());
          continue;  // def_cfa_offset
        case 0x13:   // def_cfa_offset_sf
          row->rule.cfa_offset = static_cast<int32_t>(cursor.Sleb() * cie.data_align);
          continue;
        case 0x0f:
          SetCfaExpression(TakeBlock(&cursor), &row->rule);
          break;  // def_cfa_expression
        case 0x10:
        case 0x16: {  // expression, val_expression
          const uint64_t reg = cursor.Uleb();
          SetRegisterExpression(reg, TakeBlock(&cursor), opcode == 0x16, row);
          continue;
        }
        case 0x14:
        case 0x15: {  // val_offset, val_offset_sf
          const uint64_t reg = cursor.Uleb();
          cursor.Uleb();
          SetUnsaved(reg, true, row);
          continue;
        }
        case 0x2e:
          cursor.Uleb();
          continue;  // GNU_args_size
        default:
          return false;
      }
    if (ended) row->rule.kind = CfaRule::kEnd;
    if (advance != 0) {
      location += advance * cie.code_align;
      if (location > pc) return !cursor.failed;
    }
  }
  return !cursor.failed;
}

}  // namespace

CfaRule FindCfaRule(const CodeRange& range, uint64_t pc) {
  if (range.eh_frame_hdr == 0) return {};
  Fde fde;
  const uint64_t address = FindFde(range, pc);
  if (address == 0 || !ReadFde(address, range, &fde) || pc < fde.start || pc >= fde.limit)
    return {};
  if (fde.cie.signal) return {.kind = CfaRule::kSignal};
  Row row;
  if (!Run(fde.cie.instructions, fde.cie, 0, ~uint64_t{0}, row, &row)) return {};
  const Row initial = row;
  if (!Run(fde.instructions, fde.cie, fde.start, pc, initial, &row)) return {};
  if (row.rule.kind != CfaRule::kEnd && !row.return_address_usual) return {};
  return row.rule;
}

}  // namespace tidemark::recorder
