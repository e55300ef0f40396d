#include "goheap/go_layouts.h"

#include <algorithm>

namespace tidemark::goheap {
namespace {

constexpr int kMaxDepth = 32;  // of structs and arrays in each other
// Through the types of one layout and of all; made-up types nest without end and without a slot.
constexpr uint64_t kMaxSteps = 16 * GoLayout::kMaxSlots, kMaxAllSteps = 4 << 20;

// The compiler's names; "map" is a keyword, so no package has it.
bool IsMapStorage(std::string_view name) {
  return name.starts_with("map.group[") || name.starts_with("map.bucket[");
}

}  // namespace

GoLayouts::GoLayouts(const GoExecutable& executable, uint64_t slide)
    : executable_(executable), slide_(slide), minor_(executable.minor()) {}

const GoType* GoLayouts::TypeOf(TypeKey key) const { return executable_.TypeAt(key - slide_); }

TypeKey GoLayouts::Resolved(TypeKey key) const {
  const GoType* type = TypeOf(DescriptorOf(key));
  if (type == nullptr || PartOf(key) != GoPart{}) return key;
  if (IsBehindInterface(key)) {
    const TypeKey plain = DescriptorOf(key);
    return type->pointer_shaped ? Resolved(PointeeOf(plain)) : plain;
  }
  if (IsPointee(key) && type->kind == GoKind::kPointer) return KeyOf(type->element);
  return key;
}

GoSlot GoLayouts::SlotOf(uint64_t descriptor, bool many) const {
  const GoType* type = executable_.TypeAt(descriptor);
  if (type == nullptr) return {};
  const TypeKey key = KeyOf(descriptor);
  return {.target = many ? PartKey(GoPart::kArrayOf, key) : key,
          .target_bytes = type->bytes,
          .many = many};
}

void GoLayouts::AppendSlots(uint64_t descriptor, uint64_t offset, std::vector<GoSlot>* slots,
                            int depth) {
  const GoType* type = executable_.TypeAt(descriptor);
  if (type == nullptr || type->pointer_bytes == 0 || depth > kMaxDepth) return;
  if (steps_left_ == 0) return;
  --steps_left_;
  const auto add = [&](GoSlot slot) {
    slot.offset = offset;
    if (slots->size() < GoLayout::kMaxSlots) slots->push_back(slot);
  };
  switch (type->kind) {
    case GoKind::kPointer:
      add(SlotOf(type->element, false));
      break;
    case GoKind::kSlice:
      add(SlotOf(type->element, true));
      break;
    case GoKind::kString:
      add({.target = PartKey(GoPart::kText, 0), .many = true});
      break;
    case GoKind::kMap:
    case GoKind::kChan:
    case GoKind::kFunc:
      add({.target = PointeeOf(KeyOf(descriptor))});
      break;
    case GoKind::kArray: {
      const GoType* element = executable_.TypeAt(type->element);
      for (uint64_t i = 0; element != nullptr && i < type->length; ++i) {
        if (slots->size() >= GoLayout::kMaxSlots || steps_left_ == 0) break;
        if (element->bytes == 0 || (i + 1) * element->bytes > type->bytes) break;
        AppendSlots(type->element, offset + i * element->bytes, slots, depth + 1);
      }
      break;
    }
    case GoKind::kStruct:
      for (const GoField& field : type->fields) {
        if (slots->size() >= GoLayout::kMaxSlots || steps_left_ == 0) break;
        AppendSlots(field.type, offset + field.offset, slots, depth + 1);
      }
      break;
    default:
      break;  // interfaces say themselves what they hold
  }
}

const GoLayout* GoLayouts::LayoutOf(TypeKey key) {
  if (const auto found = layouts_.find(key); found != layouts_.end()) return found->second.get();
  auto layout = std::make_unique<GoLayout>();
  const uint64_t steps = std::min(kMaxSteps, kMaxAllSteps - all_steps_);
  steps_left_ = steps;
  if (!Fill(key, layout.get())) layout.reset();
  all_steps_ += steps - steps_left_;
  return layouts_.emplace(key, std::move(layout)).first->second.get();
}

bool GoLayouts::Fill(TypeKey key, GoLayout* layout) {
  if (PartOf(key) != GoPart{}) return FillPart(key, layout);
  const TypeKey plain = DescriptorOf(key);
  const GoType* type = TypeOf(plain);
  if (type == nullptr) return false;
  layout->name = type->name;
  if (IsPointee(key)) {
    switch (type->kind) {
      case GoKind::kMap:
        return FillMapHeader(*type, plain, layout);
      case GoKind::kChan: {
        GoSlot buffer = SlotOf(type->element, true);
        buffer.offset = 16;
        layout->slots.push_back(buffer);
        return true;
      }
      case GoKind::kFunc:
        return true;  // a closure: what it holds, its function knows
      default:
        return false;
    }
  }
  layout->value_bytes = type->bytes;
  layout->pointer_free = type->pointer_bytes == 0;
  AppendSlots(plain - slide_, 0, &layout->slots);
  layout->internal = IsMapStorage(type->name);
  if (layout->internal && minor_ < 24) AppendBucket(*type, plain - slide_, &layout->slots);
  return true;
}

// A map's header: since Go 1.24 its directory at 16; before, buckets at 16, old ones at 24, and
// overflow buckets of pointer-free maps behind 40.
bool GoLayouts::FillMapHeader(const GoType& map, TypeKey map_key, GoLayout* layout) {
  if (minor_ >= 24) {
    layout->slots.push_back(
        {.offset = 16, .target = PartKey(GoPart::kMapDirectory, map_key), .many = true});
    return true;
  }
  const GoType* bucket = executable_.TypeAt(map.group);
  const uint64_t bytes = bucket != nullptr ? bucket->bytes : 0;
  for (const uint64_t offset : {16, 24}) {
    layout->slots.push_back({offset, KeyOf(map.group), bytes, true});
  }
  layout->slots.push_back({40, PartKey(GoPart::kMapExtra, map_key), 24, false});
  return true;
}

// A bucket's last word is the next bucket; its type says so only where buckets hold pointers.
void GoLayouts::AppendBucket(const GoType& bucket, uint64_t descriptor,
                             std::vector<GoSlot>* slots) {
  if (bucket.bytes < 8) return;
  const uint64_t offset = bucket.bytes - 8;
  std::erase_if(*slots, [&](const GoSlot& slot) { return slot.offset == offset; });
  slots->push_back({offset, KeyOf(descriptor), bucket.bytes, false});
}

bool GoLayouts::FillPart(TypeKey key, GoLayout* layout) {
  if (PartOf(key) == GoPart::kText) {
    layout->name = "string";
    layout->pointer_free = true;
    return true;
  }
  const TypeKey descriptor = PartDescriptor(key);
  const GoType* type = TypeOf(descriptor);
  if (type == nullptr) return false;
  switch (PartOf(key)) {
    case GoPart::kText:
    case GoPart::kArrayOfPointers:
      break;  // above; named by go_arrays.h
    case GoPart::kArrayOf:
      layout->name = "[]" + (type->name == "uint8" ? std::string("byte") : type->name);
      layout->value_bytes = type->bytes;
      layout->pointer_free = type->pointer_bytes == 0;
      AppendSlots(descriptor - slide_, 0, &layout->slots);
      return true;
    case GoPart::kMapDirectory:
      layout->name = type->name + " (directory)";
      layout->internal = true;
      layout->value_bytes = 8;
      layout->slots.push_back({0, PartKey(GoPart::kMapTable, descriptor), 32, false});
      return true;
    case GoPart::kMapTable: {
      layout->name = type->name + " (table)";
      layout->internal = true;
      const GoType* group = executable_.TypeAt(type->group);
      layout->slots.push_back({16, KeyOf(type->group), group != nullptr ? group->bytes : 0, true});
      return true;
    }
    case GoPart::kMapExtra:
      layout->name = type->name + " (overflow)";
      layout->internal = true;
      return true;
  }
  return false;
}

}  // namespace tidemark::goheap
