// Turns the sub-records of a dump into batches of events. The inner loop of every reading.
#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "hprof/class_plans.h"
#include "hprof/event_batch.h"

namespace tidemark::hprof {

// Instances whose class the dump has not told yet, kept until it does.
struct DeferredInstances {
  static constexpr size_t kMaxBytes = size_t{128} << 20;

  struct Instance {
    uint64_t id, class_id;
    uint64_t begin;  // in data
    uint32_t bytes;
  };
  std::vector<Instance> instances;
  std::vector<uint8_t> data;
  uint64_t refused = 0;  // there was no room for
};

struct DecodeCounts {
  uint64_t unknown_class = 0;   // told without type, size and references
  uint64_t wrong_size = 0;      // fewer bytes than their class has fields: told without references
  uint64_t soft = 0, weak = 0;  // java.lang.ref objects with a referent
};

// Handler of a RecordWalker: kReferences false leaves references out.
template <uint32_t kIdBytes, bool kReferences>
class BatchDecoder {
 public:
  using Flush = std::function<void()>;  // hands `batch` on and brings an empty one

  // Late classes and names go into `index`, from `known_end` (an offset) on. Of a large array about
  // `max_references` are told with it, the others apart.
  BatchDecoder(DumpIndex& index, const ClassPlans& plans, uint64_t known_end, size_t max_references,
               DeferredInstances* deferred, DecodeCounts& counts)
      : index_(index),
        plans_(plans),
        layout_(plans.layout()),
        known_end_(known_end),
        max_references_(max_references),
        deferred_(deferred),
        counts_(counts) {}

  EventBatch* batch = nullptr;
  Flush flush;

  void Instance(uint64_t id, uint64_t class_id, const uint8_t* data, uint32_t bytes) {
    Recent& recent = recent_[(class_id >> 3 ^ class_id >> 11) % kRecent];
    if (recent.class_id != class_id) [[unlikely]] {
      recent = {class_id, plans_.Find(index_.classes.Position(class_id))};
    }
    const ClassPlan* plan = recent.plan;
    if (plan == nullptr) [[unlikely]]
      return WithoutPlan(id, class_id, data, bytes);
    if (kReferences && bytes >= plan->data_bytes) {
      const PlanReference* reference = plans_.references(*plan);
      const PlanReference* const end = reference + plan->reference_count;
      heapgraph::Reference* to = batch->Room(plan->reference_count);
      for (; reference != end; ++reference) {
        const uint64_t target = LoadId(data + reference->offset, kIdBytes);
        if (target != 0) *to++ = {target, reference->label, 0};
      }
      batch->CountUntil(to);
    }
    if (plan->flags != 0 || bytes < plan->data_bytes) Unusual(*plan, class_id, bytes);
    Push(id, plan->bytes, class_id, EventBatch::Object::kPlain);
  }

  void ObjectArray(uint64_t id, uint64_t class_id, uint32_t count, const uint8_t* elements) {
    if (kReferences) AddElements(elements, 0, count);
    Push(id, layout_.ArrayBytes(layout_.reference_bytes, count), class_id,
         EventBatch::Object::kPlain);
  }

  // Told as one object as far as max_references go, the rest apart.
  void LargeArray(uint64_t id, uint64_t class_id, uint32_t count) {
    large_ = {id, class_id, count, 0, EventBatch::Object::kPlain};
  }
  void LargeArrayElements(const uint8_t* elements, uint32_t count) {
    constexpr uint32_t kPiece = 8192;
    while (count > 0) {
      const uint32_t now = std::min(count, kPiece);
      if (kReferences) AddElements(elements, large_.done, now);
      large_.done += now;
      elements += size_t{now} * kIdBytes;
      count -= now;
      const size_t enough =
          large_.kind == EventBatch::Object::kPlain ? max_references_ : EventBatch::kReferences;
      if (large_.done < large_.count && batch->reference_count < enough) continue;
      Push(large_.id, layout_.ArrayBytes(layout_.reference_bytes, large_.count), large_.class_id,
           large_.kind);
      large_.kind = EventBatch::Object::kMoreReferences;
    }
  }

  void PrimitiveArray(uint64_t id, uint8_t type, uint32_t count) {
    Push(id, layout_.ArrayBytes(ValueBytes(type, kIdBytes), count), type,
         EventBatch::Object::kPointerFree);
  }

  void Root(uint8_t tag, uint64_t id, uint32_t a, uint32_t b) {
    batch->roots.push_back({id, a, b, tag});
    if (batch->Full()) flush();
  }

  bool Class(BytesReader& reader, bool* bad) {
    BytesReader id = reader;
    const ClassInfo* info = index_.classes.Find(id.Id());
    if (info != nullptr && info->dumped) {
      return ClassTable::SkipDump(reader, kIdBytes, bad);
    }
    return index_.classes.AddDump(reader, kIdBytes, bad);
  }

  bool Wants(uint8_t tag) const { return offset_ >= known_end_ && DumpIndex::Keeps(tag); }
  void Record(uint8_t tag, BytesReader reader) { index_.Record(tag, reader); }
  bool Enough(uint64_t offset) {
    offset_ = offset;
    batch->offset = offset;
    return false;
  }

  // What was put off, now that all classes are known: those still unknown are told as such.
  void Decode(const DeferredInstances& deferred) {
    for (const auto& instance : deferred.instances) {
      Instance(instance.id, instance.class_id, deferred.data.data() + instance.begin,
               instance.bytes);
    }
  }

 private:
  void AddElements(const uint8_t* elements, uint32_t first, uint32_t count) {
    heapgraph::Reference* to = batch->Room(count);
    for (uint32_t i = 0; i < count; ++i) {
      const uint64_t target = LoadId(elements + size_t{i} * kIdBytes, kIdBytes);
      if (target == 0) continue;
      *to++ = {target, heapgraph::Label(heapgraph::Label::Kind::kIndex, first + i), 0};
    }
    batch->CountUntil(to);
  }

  void Push(uint64_t id, uint64_t bytes, heapgraph::TypeKey type, EventBatch::Object::Kind kind) {
    batch->Push({id, bytes, type, batch->reference_count, kind});
    if (batch->Full()) flush();
  }

  void Unusual(const ClassPlan& plan, uint64_t class_id, uint32_t bytes) {
    if (bytes < plan.data_bytes) ++counts_.wrong_size;
    if ((plan.flags & ClassPlan::kSoft) != 0) ++counts_.soft;
    if ((plan.flags & ClassPlan::kWeak) != 0) ++counts_.weak;
    if (kReferences && (plan.flags & ClassPlan::kTellsClass) != 0) {
      heapgraph::Reference* const to = batch->Room(1);
      *to = {class_id, heapgraph::Label(heapgraph::Label::Kind::kHidden, class_label), 0};
      batch->CountUntil(to + 1);
    }
  }

  void WithoutPlan(uint64_t id, uint64_t class_id, const uint8_t* data, uint32_t bytes) {
    if (deferred_ == nullptr) {
      ++counts_.unknown_class;
      return Push(id, 0, 0, EventBatch::Object::kPlain);
    }
    if (deferred_->data.size() + bytes +
            sizeof(DeferredInstances::Instance) * deferred_->instances.size() >
        DeferredInstances::kMaxBytes) {
      ++deferred_->refused;
      return;
    }
    deferred_->instances.push_back({id, class_id, deferred_->data.size(), bytes});
    deferred_->data.insert(deferred_->data.end(), data, data + bytes);
  }

 public:
  uint32_t class_label = 0;  // interned "<class>"

 private:
  static constexpr size_t kRecent = 256;
  struct Recent {
    uint64_t class_id = 0;
    const ClassPlan* plan = nullptr;
  };
  struct Large {
    uint64_t id = 0, class_id = 0;
    uint32_t count = 0, done = 0;
    EventBatch::Object::Kind kind = EventBatch::Object::kPlain;
  };
  DumpIndex& index_;
  const ClassPlans& plans_;
  const LayoutModel layout_;
  const uint64_t known_end_;
  const size_t max_references_;
  DeferredInstances* const deferred_;
  DecodeCounts& counts_;
  uint64_t offset_ = 0;
  Large large_;
  Recent recent_[kRecent];
};

}  // namespace tidemark::hprof
