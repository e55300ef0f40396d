// For each class, where its instances' references lie and what they are called: worked out once, so
// that reading an instance visits those bytes only.
#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "heapgraph/heap_events.h"
#include "hprof/dump_index.h"
#include "hprof/object_layout.h"

namespace tidemark::hprof {

struct PlanReference {
  uint32_t offset = 0;  // in the instance's values in the file
  heapgraph::Label label;
};

struct ClassPlan {
  enum Flag : uint8_t {
    kTellsClass = 1,  // instances keep their class alive, and only they and its loader do
    kSoft = 2,        // a java.lang.ref.SoftReference
    kWeak = 4,        // its referent is left out
    kThread = 8,      // a java.lang.Thread
  };
  uint32_t bytes = 0;                                 // shallow size of an instance
  uint32_t data_bytes = 0;                            // of its values in the file
  uint32_t reference_begin = 0, reference_count = 0;  // in ClassPlans::references
  bool known = false;                                 // it and all its superclasses
  uint8_t flags = 0;
};

class ClassPlans {
 public:
  static constexpr size_t kMaxReferences = size_t{16} << 20;

  // `index` outlives this and grows only between calls.
  ClassPlans(const DumpIndex& index, const LayoutModel& layout, bool mat_compat);

  // Makes the plans of all classes that are known by now, with names interned in `sink`, and tells
  // it their types. Plans made before are forgotten.
  void Make(heapgraph::HeapSink& sink);
  // Of the class at a position of the index; nullptr when it came after Make or lacks a superclass.
  const ClassPlan* Find(uint32_t position) const {
    return position < plans_.size() && plans_[position].known ? &plans_[position] : nullptr;
  }
  const PlanReference* references(const ClassPlan& plan) const {
    return references_.data() + plan.reference_begin;
  }
  // The JVM never unloads it: it belongs to one of the loaders that come with the JVM.
  bool Permanent(const ClassInfo& info) const;
  // Shallow size of the class object.
  uint32_t ClassObjectBytes(uint32_t position) { return sizes_->OfClassObject(position); }
  const LayoutModel& layout() const { return layout_; }
  size_t count() const { return plans_.size(); }  // classes that Make saw
  bool mat_compat() const { return mat_compat_; }

 private:
  void FindLoaders();
  void MakePlan(uint32_t position);
  void TellType(uint32_t position);
  void AddFields(const ClassInfo& info, bool skip_referent, ClassPlan* plan);
  heapgraph::Label FieldLabel(uint64_t name);

  const DumpIndex& index_;
  const LayoutModel layout_;
  const bool mat_compat_;
  heapgraph::HeapSink* sink_ = nullptr;
  std::unique_ptr<InstanceSizes> sizes_;
  std::vector<ClassPlan> plans_;  // by position
  std::vector<PlanReference> references_;
  std::unordered_map<uint64_t, heapgraph::Label> labels_;  // by name id
  std::vector<uint64_t> loaders_;                          // objects; those of the JVM
  uint32_t reference_class_ = 0, weak_class_ = 0, phantom_class_ = 0, soft_class_ = 0,
           thread_class_ = 0;
};

}  // namespace tidemark::hprof
