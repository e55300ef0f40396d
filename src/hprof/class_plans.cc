#include "hprof/class_plans.h"

#include <algorithm>

#include "hprof/known_classes.h"

namespace tidemark::hprof {

using heapgraph::HeapSink;
using heapgraph::Label;

ClassPlans::ClassPlans(const DumpIndex& index, const LayoutModel& layout, bool mat_compat)
    : index_(index), layout_(layout), mat_compat_(mat_compat) {}

void ClassPlans::Make(HeapSink& sink) {
  sink_ = &sink;
  sizes_ = std::make_unique<InstanceSizes>(index_.classes, index_.names, layout_);
  labels_.clear();
  references_.clear();
  plans_.assign(index_.classes.classes.size(), {});
  reference_class_ = index_.FindClass("java/lang/ref/Reference");
  weak_class_ = index_.FindClass("java/lang/ref/WeakReference");
  phantom_class_ = index_.FindClass("java/lang/ref/PhantomReference");
  soft_class_ = index_.FindClass("java/lang/ref/SoftReference");
  thread_class_ = index_.FindClass("java/lang/Thread");
  FindLoaders();
  for (uint32_t i = 0; i < plans_.size(); ++i) {
    MakePlan(i);
    TellType(i);
  }
  for (uint8_t type = kBoolean; type <= kLong; ++type) {
    sink.OnType({type, PrimitiveArrayName(type), 0, false, false});
  }
}

// The loaders of the platform and of the class path, by the static fields that hold them.
void ClassPlans::FindLoaders() {
  loaders_.clear();
  for (const LoaderField& known : kLoaderFields) {
    const uint32_t position = index_.FindClass(known.class_name);
    if (position == ClassIndex::kNone) continue;
    const ClassInfo& info = index_.classes.classes[position];
    for (uint32_t i = 0; i < info.static_count; ++i) {
      const StaticReference& field = index_.classes.statics[info.static_begin + i];
      if (index_.Name(field.name) == known.field) loaders_.push_back(field.target);
    }
  }
}

bool ClassPlans::Permanent(const ClassInfo& info) const {
  return info.loader == 0 ||
         std::find(loaders_.begin(), loaders_.end(), info.loader) != loaders_.end();
}

Label ClassPlans::FieldLabel(uint64_t name) {
  const auto found = labels_.find(name);
  if (found != labels_.end()) return found->second;
  const std::string_view text = index_.Name(name);
  const Label label(Label::Kind::kName, sink_->Intern(text.empty() ? "(field)" : text));
  labels_.emplace(name, label);
  return label;
}

void ClassPlans::AddFields(const ClassInfo& info, bool skip_referent, ClassPlan* plan) {
  for (uint32_t i = 0; i < info.field_count; ++i) {
    const Field& field = index_.classes.fields[info.field_begin + i];
    const uint32_t offset = plan->data_bytes;
    plan->data_bytes += ValueBytes(field.type, index_.id_bytes());
    if (field.type != kObject) continue;
    if (skip_referent && index_.Name(field.name) == "referent") continue;
    references_.push_back({offset, FieldLabel(field.name)});
  }
}

void ClassPlans::MakePlan(uint32_t position) {
  const auto bytes = sizes_->Of(position);
  if (!bytes || references_.size() >= kMaxReferences) return;
  ClassPlan plan;
  plan.bytes = *bytes;
  plan.reference_begin = static_cast<uint32_t>(references_.size());
  for (uint32_t at = position; at != ClassIndex::kNone;) {
    if (at == soft_class_) plan.flags |= ClassPlan::kSoft;
    if (at == thread_class_) plan.flags |= ClassPlan::kThread;
    if ((at == weak_class_ || at == phantom_class_) && !mat_compat_) plan.flags |= ClassPlan::kWeak;
    const ClassInfo& info = index_.classes.classes[at];
    AddFields(info, at == reference_class_ && (plan.flags & ClassPlan::kWeak) != 0, &plan);
    at = info.super == 0 ? ClassIndex::kNone : index_.classes.Position(info.super);
  }
  plan.reference_count = static_cast<uint32_t>(references_.size()) - plan.reference_begin;
  if (mat_compat_ || !Permanent(index_.classes.classes[position])) {
    plan.flags |= ClassPlan::kTellsClass;
  }
  plan.known = true;
  plans_[position] = plan;
}

void ClassPlans::TellType(uint32_t position) {
  const ClassInfo& info = index_.classes.classes[position];
  const std::string_view raw = index_.Name(info.name);
  const bool primitive_array = raw.size() == 2 && raw[0] == '[';  // told by its own key
  if (primitive_array) return;
  const uint64_t bytes = raw.starts_with('[') ? 0 : plans_[position].bytes;
  sink_->OnType({info.id, index_.ClassName(info), bytes, IsContainerInternal(raw), false});
}

}  // namespace tidemark::hprof
