// How large objects are in the JVM that wrote a dump. The file says which fields there are but not
// how they lie in memory, so each known layout is tried on neighbours in memory, and the one wins
// that predicts where the next object begins.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hprof/class_table.h"

namespace tidemark::hprof {

// One way to lay objects out.
struct LayoutModel {
  uint32_t reference_bytes = 4;  // in memory, not in the file: compressed or not
  uint32_t header_bytes = 12;    // of an instance; 12 = compressed class pointer, 8 = compact
  bool packed_elements = false;  // arrays begin right behind their length (JDK 23 and later)
  bool fields_fill_gaps = true;  // JDK 15 and later: also in gaps that superclasses left
  uint32_t alignment_bytes = 8;  // of objects, a power of two

  // Shallow size of an array.
  uint64_t ArrayBytes(uint32_t element_bytes, uint64_t count) const;
  std::string Describe() const;  // "4-byte references, 12-byte headers, aligned to 8"
};

// Computes sizes of instances. Nothing here changes the table; it outlives this.
class InstanceSizes {
 public:
  InstanceSizes(const ClassTable& table, const NameTable& names, const LayoutModel& model);

  // Of an instance of the class at `position`; nothing when its superclasses are not all known.
  std::optional<uint32_t> Of(uint32_t position);
  // Of the class object itself, its static fields included. 0: java.lang.Class is not known.
  uint32_t OfClassObject(uint32_t position);

 private:
  struct Gap {
    uint32_t begin, end;
  };
  struct Shape {
    enum State : uint8_t { kNew, kKnown, kIncomplete } state = kNew;
    bool padded = false;  // contended: subclasses do not fill its gaps
    uint32_t end = 0;
    uint32_t depth = 0;  // superclasses
    std::vector<Gap> gaps;
  };
  struct Group {  // fields that lie together
    std::vector<uint32_t> primitives;
    uint32_t references = 0;
  };
  void Resolve(uint32_t position);
  bool Declares(const ClassInfo& info, std::string_view field) const;
  Shape Extend(const ClassInfo& info, const Shape* super) const;
  void PlaceGroup(const Group& group, bool fill_gaps, Shape* shape) const;
  void PlaceClassic(Group group, Shape* shape) const;
  static void Place(uint32_t bytes, bool fill_gaps, Shape* shape);
  uint32_t Rounded(uint32_t bytes) const;

  const ClassTable& table_;
  const NameTable& names_;
  const LayoutModel model_;
  std::vector<Shape> shapes_;  // by position
  uint32_t class_class_;       // position of java.lang.Class
};

// What lies next to what: taken while the first megabytes are scanned.
class LayoutVote {
 public:
  static constexpr size_t kMaxSamples = size_t{48} << 10;

  // An object and the distance to the object told next; far or backward ones are left out.
  void Array(uint64_t address, uint8_t element_type, uint64_t count) {
    Add(address, {count, 0, 0, element_type});
  }
  void Instance(uint64_t address, uint64_t class_id) { Add(address, {0, class_id, 0, 0}); }
  bool full() const { return samples_.size() >= kMaxSamples; }

  // `id_bytes` of the file. Objects of 32-bit machines have one layout only.
  LayoutModel Winner(const ClassTable& table, const NameTable& names, uint32_t id_bytes) const;

 private:
  struct Sample {
    uint64_t count, class_id;
    uint64_t gap;
    uint8_t element_type;  // 0 = an instance
  };
  void Add(uint64_t address, Sample sample);
  int64_t Score(const LayoutModel& model, const ClassTable& table, const NameTable& names) const;

  std::vector<Sample> samples_;
  Sample last_{};
  uint64_t last_address_ = 0;
  bool pending_ = false;
  uint64_t address_bits_ = 0;  // all addresses or-ed: their alignment
};

}  // namespace tidemark::hprof
