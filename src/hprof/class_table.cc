#include "hprof/class_table.h"

namespace tidemark::hprof {
namespace {

// Past a value with its type before it; 0 = no such type.
uint8_t SkipValue(BytesReader& reader, uint32_t id_bytes) {
  const uint8_t type = reader.U1();
  const uint32_t bytes = ValueBytes(type, id_bytes);
  reader.Skip(bytes);
  return bytes == 0 ? 0 : type;
}

bool SkipConstants(BytesReader& reader, uint32_t id_bytes, bool* bad) {
  for (uint32_t left = reader.U2(); left > 0 && !reader.short_of_bytes(); --left) {
    reader.U2();
    if (SkipValue(reader, id_bytes) == 0) *bad = !reader.short_of_bytes();
    if (*bad) return false;
  }
  return true;
}

}  // namespace

void ClassIndex::Add(uint64_t id, uint32_t position) {
  if ((used_ + 1) * 2 > slots_.size()) {
    std::vector<Slot> old(slots_.empty() ? 1024 : slots_.size() * 4);
    old.swap(slots_);
    mask_ = slots_.size() - 1;
    used_ = 0;
    for (const Slot& slot : old) {
      if (slot.position != kNone) Add(slot.id, slot.position);
    }
  }
  uint64_t slot = Hash(id);
  while (slots_[slot].position != kNone) slot = (slot + 1) & mask_;
  slots_[slot] = {id, position};
  ++used_;
}

ClassInfo* ClassTable::Get(uint64_t id) {
  const uint32_t position = index_.Find(id);
  if (position != ClassIndex::kNone) return &classes[position];
  if (classes.size() >= kMaxClasses) {
    ++refused_;
    return nullptr;
  }
  index_.Add(id, static_cast<uint32_t>(classes.size()));
  classes.emplace_back().id = id;
  return &classes.back();
}

void ClassTable::AddLoad(uint64_t id, uint64_t name) {
  ClassInfo* info = Get(id);
  if (info == nullptr || info->loaded) return;
  info->loaded = true;
  info->name = name;
  ++loaded_;
  if (info->dumped) ++loaded_and_dumped_;
}

void ClassTable::NoteDump(ClassInfo& info) {
  info.dumped = true;
  ++dumped_;
  if (info.loaded) ++loaded_and_dumped_;
}

bool ClassTable::AddDump(BytesReader& reader, uint32_t id_bytes, bool* bad) {
  BytesReader whole = reader;
  if (!SkipDump(whole, id_bytes, bad)) return false;
  ClassInfo* info = Get(reader.Id());
  if (info == nullptr || info->dumped || fields.size() + statics.size() > kMaxFields) {
    if (info != nullptr && !info->dumped) ++refused_;
    reader = whole;
    return true;
  }
  NoteDump(*info);
  reader.U4();
  info->super = reader.Id();
  info->loader = reader.Id();
  info->signers = reader.Id();
  info->domain = reader.Id();
  reader.Skip(2 * uint64_t{id_bytes} + 4);  // reserved, instance size (fields' bytes in the file)
  SkipConstants(reader, id_bytes, bad);
  info->static_begin = static_cast<uint32_t>(statics.size());
  for (uint32_t left = reader.U2(); left > 0; --left) {
    const uint64_t name = reader.Id();
    const uint8_t type = reader.U1();
    if (type != kObject) {
      info->static_primitive_bytes += ValueBytes(type, id_bytes);
      reader.Skip(ValueBytes(type, id_bytes));
      continue;
    }
    ++info->static_reference_count;
    const uint64_t target = reader.Id();
    if (target != 0) statics.push_back({name, target});
  }
  info->static_count = static_cast<uint32_t>(statics.size()) - info->static_begin;
  info->field_begin = static_cast<uint32_t>(fields.size());
  info->field_count = reader.U2();
  for (uint32_t i = 0; i < info->field_count; ++i) {
    const uint64_t name = reader.Id();
    fields.push_back({name, reader.U1()});
  }
  return true;
}

bool ClassTable::SkipDump(BytesReader& reader, uint32_t id_bytes, bool* bad) {
  reader.Skip(7 * uint64_t{id_bytes} + 4 + 4);
  if (!SkipConstants(reader, id_bytes, bad)) return false;
  for (uint32_t left = reader.U2(); left > 0 && !reader.short_of_bytes(); --left) {
    reader.Id();
    if (SkipValue(reader, id_bytes) == 0) *bad = !reader.short_of_bytes();
    if (*bad) return false;
  }
  for (uint32_t left = reader.U2(); left > 0 && !reader.short_of_bytes(); --left) {
    reader.Id();
    const uint8_t type = reader.U1();
    *bad = !reader.short_of_bytes() && ValueBytes(type, id_bytes) == 0;
    if (*bad) return false;
  }
  return !reader.short_of_bytes();
}

}  // namespace tidemark::hprof
