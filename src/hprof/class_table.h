// The classes of a dump as it tells them, by the ids of their class objects.
#pragma once

#include <string>
#include <vector>

#include "hprof/bytes_reader.h"
#include "hprof/name_table.h"

namespace tidemark::hprof {

struct Field {
  uint64_t name = 0;  // of the name table
  uint8_t type = 0;   // ValueType
};

struct StaticReference {
  uint64_t name = 0, target = 0;
};

struct ClassInfo {
  uint64_t id = 0, super = 0, loader = 0, signers = 0, domain = 0;
  uint64_t name = 0;                            // of the name table; 0: no LOAD_CLASS told it
  uint32_t field_begin = 0, field_count = 0;    // own ones, in ClassTable::fields
  uint32_t static_begin = 0, static_count = 0;  // references, in ClassTable::statics
  uint32_t static_primitive_bytes = 0, static_reference_count = 0;  // nil ones too
  bool loaded = false;                                              // told by LOAD_CLASS
  bool dumped = false;                                              // told by a class dump
};

// Index from ids to positions: open addressing, one probe mostly. Read by many threads while
// nobody writes.
class ClassIndex {
 public:
  static constexpr uint32_t kNone = ~0u;

  uint32_t Find(uint64_t id) const {
    if (slots_.empty()) return kNone;
    for (uint64_t slot = Hash(id);; slot = (slot + 1) & mask_) {
      if (slots_[slot].position == kNone || slots_[slot].id == id) return slots_[slot].position;
    }
  }
  void Add(uint64_t id, uint32_t position);  // an id not there yet

 private:
  struct Slot {
    uint64_t id = 0;
    uint32_t position = kNone;
  };
  uint64_t Hash(uint64_t id) const { return (id * 0x9e3779b97f4a7c15u >> 20) & mask_; }

  std::vector<Slot> slots_;
  uint64_t mask_ = 0;
  size_t used_ = 0;
};

class ClassTable {
 public:
  static constexpr size_t kMaxClasses = size_t{2} << 20;
  static constexpr size_t kMaxFields = size_t{32} << 20;  // statics too

  // The class with this id, made when new; nullptr at the limit (counted).
  ClassInfo* Get(uint64_t id);
  const ClassInfo* Find(uint64_t id) const {
    const uint32_t position = index_.Find(id);
    return position == ClassIndex::kNone ? nullptr : &classes[position];
  }
  uint32_t Position(uint64_t id) const { return index_.Find(id); }
  // Reads a class dump's body (behind the tag). False: it needs more bytes than `reader` has, or
  // `bad` says that one of its types does not exist. A class told twice: the first counts.
  bool AddDump(BytesReader& reader, uint32_t id_bytes, bool* bad);
  // The same without keeping anything: goes past it.
  static bool SkipDump(BytesReader& reader, uint32_t id_bytes, bool* bad);
  void AddLoad(uint64_t id, uint64_t name);

  // Every class that was loaded was dumped, too.
  bool complete() const { return loaded_ > 0 && loaded_ == loaded_and_dumped_; }
  uint64_t refused() const { return refused_; }
  uint64_t dumped() const { return dumped_; }

  std::vector<ClassInfo> classes;
  std::vector<Field> fields;
  std::vector<StaticReference> statics;

 private:
  void NoteDump(ClassInfo& info);
  ClassIndex index_;
  uint64_t loaded_ = 0, loaded_and_dumped_ = 0, dumped_ = 0, refused_ = 0;
};

}  // namespace tidemark::hprof
