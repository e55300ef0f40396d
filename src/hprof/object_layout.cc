#include "hprof/object_layout.h"

#include <algorithm>
#include <functional>

namespace tidemark::hprof {
namespace {

constexpr uint32_t kPaddingBytes = 128;  // -XX:ContendedPaddingWidth
constexpr uint32_t kMaxDepth = 256;      // of superclasses; Java's own go to about 20

constexpr uint64_t AlignUp(uint64_t value, uint64_t alignment) {
  return (value + alignment - 1) & ~(alignment - 1);
}

// Fields that the JVM adds to a class and does not dump (javaClasses.hpp: *_INJECTED_FIELDS).
struct Injected {
  std::string_view class_name;
  uint32_t bytes;                 // 0 = a reference
  std::string_view unless = {};   // the class has this field, which stands for it
  std::string_view only_if = {};  // the class has this field
};
constexpr Injected kInjected[] = {
    {"java/lang/Class", 8},  // klass
    {"java/lang/Class", 8},  // array_klass
    {"java/lang/Class", 4},  // oop_size
    {"java/lang/Class", 4},  // static_oop_field_count
    {"java/lang/Class", 0, "protectionDomain"},
    {"java/lang/Class", 0, "signers"},
    {"java/lang/Class", 0},  // source_file
    {"java/lang/ClassLoader", 8},
    {"java/lang/Module", 8},
    {"java/lang/invoke/MemberName", 8},
    {"java/lang/invoke/ResolvedMethodName", 8},
    {"java/lang/invoke/ResolvedMethodName", 0, "vmholder"},
    {"java/lang/invoke/MethodHandleNatives$CallSiteContext", 8},
    {"java/lang/InternalError", 1},         // during_unsafe_access
    {"java/lang/Thread", 8, {}, "holder"},  // jvmti_thread_state
    {"java/lang/Thread", 4, {}, "holder"},  // jvmti_VTMS_transition_disable_count
    {"java/lang/Thread", 1, {}, "holder"},  // jvmti_is_in_VTMS_transition
    {"java/lang/Thread", 2, {}, "holder"},  // jfr_epoch
};

// @Contended of the class library, whose padding the file does not show. No field: all of them.
// Threads of JDK 19 and later, which have a field `holder`, are not padded any more.
struct Contended {
  std::string_view class_name, field;
  std::string_view unless = {};  // the class has this field
};
constexpr Contended kContended[] = {
    {"java/lang/Thread", "threadLocalRandomSeed", "holder"},
    {"java/lang/Thread", "threadLocalRandomProbe", "holder"},
    {"java/lang/Thread", "threadLocalRandomSecondarySeed", "holder"},
    {"java/util/concurrent/ForkJoinPool", "ctl"},
    {"java/util/concurrent/ForkJoinPool", "parallelism"},
    {"java/util/concurrent/ForkJoinPool$WorkQueue", "top"},
    {"java/util/concurrent/ForkJoinPool$WorkQueue", "source"},
    {"java/util/concurrent/ForkJoinPool$WorkQueue", "nsteals"},
    {"java/util/concurrent/ConcurrentHashMap$CounterCell", ""},
    {"java/util/concurrent/atomic/Striped64$Cell", ""},
    {"java/util/concurrent/Exchanger$Node", ""},
};

const Contended* FindContended(std::string_view class_name, std::string_view field) {
  for (const Contended& entry : kContended) {
    if (entry.class_name == class_name && entry.field == field) return &entry;
  }
  return nullptr;
}

}  // namespace

uint64_t LayoutModel::ArrayBytes(uint32_t element_bytes, uint64_t count) const {
  const uint32_t word = header_bytes == 8 && reference_bytes == 4 && !packed_elements ? 4 : 8;
  const uint32_t alignment =
      packed_elements ? std::max(element_bytes, 4u) : std::max(word, element_bytes);
  return AlignUp(AlignUp(header_bytes + 4, alignment) + count * element_bytes, alignment_bytes);
}

std::string LayoutModel::Describe() const {
  return std::to_string(reference_bytes) + "-byte references, " + std::to_string(header_bytes) +
         "-byte headers, aligned to " + std::to_string(alignment_bytes);
}

InstanceSizes::InstanceSizes(const ClassTable& table, const NameTable& names,
                             const LayoutModel& model)
    : table_(table), names_(names), model_(model), shapes_(table.classes.size()) {
  class_class_ = ClassIndex::kNone;
  for (uint32_t i = 0; i < table.classes.size(); ++i) {
    if (names.Find(table.classes[i].name) == "java/lang/Class") class_class_ = i;
  }
}

std::optional<uint32_t> InstanceSizes::Of(uint32_t position) {
  if (shapes_[position].state == Shape::kNew) Resolve(position);
  if (shapes_[position].state != Shape::kKnown) return std::nullopt;
  return Rounded(shapes_[position].end);
}

uint32_t InstanceSizes::Rounded(uint32_t bytes) const {
  return static_cast<uint32_t>(AlignUp(bytes, model_.alignment_bytes));
}

uint32_t InstanceSizes::OfClassObject(uint32_t position) {
  if (class_class_ == ClassIndex::kNone) return 0;
  const auto instance = Of(class_class_);
  if (!instance) return 0;
  const ClassInfo& info = table_.classes[position];
  uint64_t references = info.static_reference_count;
  for (uint32_t i = 0; i < info.static_count; ++i) {
    // HotSpot tells what it keeps beside the object as if it were a field: <resolved_references>.
    if (names_.Find(table_.statics[info.static_begin + i].name).starts_with('<')) --references;
  }
  const uint64_t statics =
      AlignUp(references * model_.reference_bytes + info.static_primitive_bytes, 8);
  return Rounded(static_cast<uint32_t>(*instance + std::min<uint64_t>(statics, 1u << 24)));
}

// Superclasses first; a chain that does not end is incomplete.
void InstanceSizes::Resolve(uint32_t position) {
  std::vector<uint32_t> chain;
  uint32_t at = position;
  bool known = true;
  while (shapes_[at].state == Shape::kNew) {
    chain.push_back(at);
    const ClassInfo& info = table_.classes[at];
    known = info.dumped && chain.size() <= kMaxDepth;
    if (!known || info.super == 0) break;
    at = table_.Position(info.super);
    known = at != ClassIndex::kNone;
    if (!known) break;
  }
  if (at != ClassIndex::kNone && shapes_[at].state == Shape::kIncomplete) known = false;
  for (; !chain.empty(); chain.pop_back()) {
    Shape& shape = shapes_[chain.back()];
    if (!known) {
      shape.state = Shape::kIncomplete;
      continue;
    }
    const ClassInfo& info = table_.classes[chain.back()];
    shape = Extend(info, info.super == 0 ? nullptr : &shapes_[table_.Position(info.super)]);
    if (shape.depth > kMaxDepth) shape.state = Shape::kIncomplete;
    known = shape.state == Shape::kKnown;
  }
}

bool InstanceSizes::Declares(const ClassInfo& info, std::string_view field) const {
  if (field.empty()) return false;
  for (uint32_t i = 0; i < info.field_count; ++i) {
    if (names_.Find(table_.fields[info.field_begin + i].name) == field) return true;
  }
  return false;
}

InstanceSizes::Shape InstanceSizes::Extend(const ClassInfo& info, const Shape* super) const {
  Shape shape;
  if (super != nullptr) {
    shape = *super;
    ++shape.depth;
  } else {
    shape.end = model_.header_bytes;
  }
  shape.state = Shape::kKnown;
  const std::string_view name = names_.Find(info.name);
  const bool all_contended = FindContended(name, "") != nullptr;
  Group ordinary, contended;
  for (uint32_t i = 0; i < info.field_count; ++i) {
    const Field& field = table_.fields[info.field_begin + i];
    bool apart = all_contended;
    if (!apart && name.starts_with("java/")) {
      const Contended* entry = FindContended(name, names_.Find(field.name));
      apart = entry != nullptr && !Declares(info, entry->unless);
    }
    Group& group = apart ? contended : ordinary;
    if (field.type == kObject) {
      ++group.references;
    } else {
      group.primitives.push_back(ValueBytes(field.type, 8));
    }
  }
  for (const Injected& injected : kInjected) {
    if (injected.class_name != name || Declares(info, injected.unless)) continue;
    if (!injected.only_if.empty() && !Declares(info, injected.only_if)) continue;
    if (injected.bytes == 0) {
      ++ordinary.references;
    } else {
      ordinary.primitives.push_back(injected.bytes);
    }
  }
  if (!model_.fields_fill_gaps) {
    PlaceClassic(ordinary, &shape);
  } else {
    PlaceGroup(ordinary, !shape.padded, &shape);
  }
  if (all_contended || !contended.primitives.empty() || contended.references > 0) {
    shape.end += kPaddingBytes;
    PlaceGroup(contended, false, &shape);
    shape.end += kPaddingBytes;
    shape.padded = true;
  }
  return shape;
}

// Largest first, references last (fieldLayoutBuilder.cpp of JDK 15 and later).
void InstanceSizes::PlaceGroup(const Group& group, bool fill_gaps, Shape* shape) const {
  std::vector<uint32_t> sorted = group.primitives;
  std::sort(sorted.begin(), sorted.end(), std::greater<>());
  for (const uint32_t bytes : sorted) Place(bytes, fill_gaps, shape);
  for (uint32_t i = 0; i < group.references; ++i) Place(model_.reference_bytes, fill_gaps, shape);
}

// Into the smallest gap that has room, else at the end.
void InstanceSizes::Place(uint32_t bytes, bool fill_gaps, Shape* shape) {
  size_t best = shape->gaps.size();
  for (size_t i = shape->gaps.size(); fill_gaps && i-- > 0;) {
    const Gap& gap = shape->gaps[i];
    if (AlignUp(gap.begin, bytes) + bytes > gap.end) continue;
    if (best == shape->gaps.size() ||
        gap.end - gap.begin < shape->gaps[best].end - shape->gaps[best].begin) {
      best = i;
    }
  }
  const bool in_gap = best < shape->gaps.size();
  const Gap room = in_gap ? shape->gaps[best] : Gap{shape->end, ~0u};
  const auto begin = static_cast<uint32_t>(AlignUp(room.begin, bytes));
  if (in_gap) {
    shape->gaps.erase(shape->gaps.begin() + static_cast<ptrdiff_t>(best));
    if (begin + bytes < room.end) shape->gaps.push_back({begin + bytes, room.end});
  } else {
    shape->end = begin + bytes;
  }
  if (begin > room.begin) shape->gaps.push_back({room.begin, begin});
}

// Before JDK 15: each class begins at the next multiple of a reference's size, longs first; the one
// gap before them takes smaller fields.
void InstanceSizes::PlaceClassic(Group group, Shape* shape) const {
  if (group.primitives.empty() && group.references == 0) return;
  std::sort(group.primitives.begin(), group.primitives.end(), std::greater<>());
  shape->gaps.clear();
  shape->end = static_cast<uint32_t>(AlignUp(shape->end, model_.reference_bytes));
  PlaceGroup(group, true, shape);
  shape->end = static_cast<uint32_t>(AlignUp(shape->end, model_.reference_bytes));
}

void LayoutVote::Add(uint64_t address, Sample sample) {
  address_bits_ |= address;
  if (pending_ && !full() && address > last_address_ && address - last_address_ <= 1u << 20) {
    last_.gap = address - last_address_;
    samples_.push_back(last_);
  }
  last_ = sample;
  last_address_ = address;
  pending_ = true;
}

int64_t LayoutVote::Score(const LayoutModel& model, const ClassTable& table,
                          const NameTable& names) const {
  constexpr int64_t kTooLargeCosts = 10;
  InstanceSizes sizes(table, names, model);
  int64_t score = 0;
  for (const Sample& sample : samples_) {
    uint64_t bytes = 0;
    if (sample.element_type != 0) {
      bytes =
          model.ArrayBytes(ValueBytes(sample.element_type, model.reference_bytes), sample.count);
    } else {
      const uint32_t position = table.Position(sample.class_id);
      if (position == ClassIndex::kNone) continue;
      bytes = sizes.Of(position).value_or(0);
    }
    if (bytes == sample.gap) ++score;
    if (bytes > sample.gap) score -= kTooLargeCosts;
  }
  return score;
}

LayoutModel LayoutVote::Winner(const ClassTable& table, const NameTable& names,
                               uint32_t id_bytes) const {
  if (id_bytes == 4) return {4, 8, false, true, 8};
  constexpr size_t kEnoughForAlignment = 1000;
  const uint64_t lowest_bit = address_bits_ & (~address_bits_ + 1);
  const auto alignment = static_cast<uint32_t>(
      samples_.size() < kEnoughForAlignment ? 8 : std::clamp<uint64_t>(lowest_bit, 8, 256));
  struct Kind {
    uint32_t header_bytes;
    bool packed;
  };
  constexpr Kind kKinds[] = {{12, false}, {16, false}, {16, true}, {8, true}};
  LayoutModel best{4, 12, false, true, alignment};
  int64_t best_score = samples_.empty() ? 0 : Score(best, table, names);
  for (const uint32_t reference_bytes : {4u, 8u}) {
    for (const Kind& kind : kKinds) {
      for (const bool fill : {true, false}) {
        const LayoutModel model{reference_bytes, kind.header_bytes, kind.packed, fill,
                                best.alignment_bytes};
        const int64_t score = samples_.empty() ? -1 : Score(model, table, names);
        if (score <= best_score) continue;
        best = model;
        best_score = score;
      }
    }
  }
  return best;
}

}  // namespace tidemark::hprof
