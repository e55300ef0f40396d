#include "goheap/go_typing.h"

#include <algorithm>

#include "goheap/go_arrays.h"
#include "goheap/go_global_types.h"
#include "goheap/go_layouts.h"

namespace tidemark::goheap {
namespace {

using heapgraph::GrowingArray;
using heapgraph::HeapGraph;
using heapgraph::Label;
using heapgraph::ObjectId;
using heapgraph::Scratch;
using heapgraph::TypeId;

constexpr int kHeadersSince = 22;
constexpr uint64_t kHeaderBytes = 8, kHeaderAbove = 512, kHeaderUpTo = 32768;

class Typing {
 public:
  Typing(HeapGraph& graph, const GoExecutable& executable, uint64_t slide, Scratch& scratch)
      : graph_(graph),
        executable_(executable),
        slide_(slide),
        layouts_(executable, slide),
        queue_(scratch),
        scratch_(scratch) {}

  Result<GoTyping> Run() {
    // An object is queued once for its type, a map's inside once more for its map.
    TIDEMARK_RETURN_IF_ERROR(queue_.Reserve(2 * uint64_t{graph_.size()} + 1));
    NameKnownTypes();
    for (ObjectId id = 0; id < graph_.object_count(); ++id) {
      scratch_.BreatheAt(id);
      if (graph_.type(id) == 0) continue;
      ++typing_.told;
      queue_.Push(id);
    }
    FollowGlobals();
    for (uint64_t next = 0; next < queue_.size(); ++next) {
      scratch_.BreatheAt(next);
      Follow(queue_[next]);
    }
    typing_.propagated += NamePointerArrays(graph_, scratch_);
    typing_.unknown = graph_.object_count() - typing_.told - typing_.propagated;
    return typing_;
  }

 private:
  // Types that came with the dump get what the executable knows of them. Two keys may turn out to
  // be one type: a *T behind an interface, and T.
  void NameKnownTypes() {
    const size_t known = graph_.types().size();
    std::vector<TypeId> same(known);
    for (TypeId id = 0; id < known; ++id) {
      const TypeKey key = graph_.types()[id].key;
      same[id] = id;
      if (key == 0) continue;
      const TypeKey resolved = layouts_.Resolved(key);
      same[id] = IdOf(resolved);
      if (same[id] == 0) same[id] = id;
    }
    for (ObjectId id = 0; id < graph_.object_count(); ++id) {
      scratch_.BreatheAt(id);
      graph_.SetType(id, same[graph_.type(id)]);
    }
  }

  // 0: the executable does not know it.
  TypeId IdOf(TypeKey key) {
    if (const auto found = ids_.find(key); found != ids_.end()) return found->second;
    TypeId id = 0;
    if (const GoLayout* layout = layouts_.LayoutOf(key); layout != nullptr) {
      id = graph_.AddType({key, layout->name, layout->value_bytes, layout->internal});
      if (layout->name == "maps.table") tables_ = id;
      if (layout->name == "*maps.table") directories_ = id;
    }
    ids_.emplace(key, id);
    return id;
  }

  // The bytes before an object's payload: its type's address, in the sizes that have one.
  uint64_t HeaderOf(ObjectId id, bool pointer_free) const {
    const uint64_t bytes = graph_.bytes(id);
    if (layouts_.minor() < kHeadersSince || pointer_free) return 0;
    if (bytes <= kHeaderAbove || bytes > kHeaderUpTo) return 0;
    // The largest class may be a large object without one: a header is no pointer.
    const auto labels = graph_.labels(id);
    const bool points_at_once = !labels.empty() && Label::FromBits(labels[0]).number() == 0;
    return bytes == kHeaderUpTo && points_at_once ? 0 : kHeaderBytes;
  }

  void FollowGlobals() {
    GoGlobalTypes globals(executable_, layouts_);
    for (ObjectId id = graph_.object_count(); id < graph_.size(); ++id) {
      const auto& holder = graph_.holder(id);
      if (holder.kind != heapgraph::RootKind::kGlobal || graph_.targets(id).empty()) continue;
      const auto* slots = globals.SlotsOf(holder.address - slide_);
      if (slots != nullptr) Apply(id, *slots, 0, 0);
    }
  }

  void Follow(ObjectId id) {
    const TypeKey key = graph_.types()[graph_.type(id)].key;
    const GoLayout* layout = layouts_.LayoutOf(key);
    if (layout == nullptr || layout->slots.empty()) return;
    const uint64_t header = HeaderOf(id, layout->pointer_free);
    if (PartOf(key) == GoPart::kMapDirectory && !LooksLikeDirectory(id)) {
      // A small map's header leads to its one group.
      const GoLayout* table = layouts_.LayoutOf(PartKey(GoPart::kMapTable, PartDescriptor(key)));
      const TypeId group = table == nullptr ? 0 : IdOf(table->slots[0].target);
      if (group == 0) return;
      graph_.SetType(id, group);
      layout = layouts_.LayoutOf(table->slots[0].target);
      Apply(id, layout->slots, layout->value_bytes, header);
      return;
    }
    Apply(id, layout->slots, layout->value_bytes, header);
  }

  // A directory's entries are tables: 32 bytes with one pointer, at 16.
  bool LooksLikeDirectory(ObjectId id) const {
    for (const ObjectId target : graph_.targets(id)) {
      const auto labels = graph_.labels(target);
      if (graph_.bytes(target) != 32 || labels.size() != 1 ||
          Label::FromBits(labels[0]).number() != 16) {
        return false;
      }
    }
    return !graph_.targets(id).empty();
  }

  // Types the targets of `id`, whose values lie `header` bytes behind its beginning.
  void Apply(ObjectId id, const std::vector<GoSlot>& slots, uint64_t value_bytes, uint64_t header) {
    const auto targets = graph_.targets(id);
    const auto labels = graph_.labels(id);
    for (size_t i = 0; i < targets.size(); ++i) {
      const Label label = Label::FromBits(labels[i]);
      if (label.kind() != Label::Kind::kOffset || label.number() < header) continue;
      if (graph_.is_holder(targets[i]) || !MayLearn(graph_.type(targets[i]))) continue;
      uint64_t offset = label.number() - header;
      if (value_bytes != 0) offset %= value_bytes;
      const auto slot =
          std::lower_bound(slots.begin(), slots.end(), offset,
                           [](const GoSlot& each, uint64_t value) { return each.offset < value; });
      if (slot != slots.end() && slot->offset == offset) TypeTarget(targets[i], *slot);
    }
  }

  // An unknown type; or that of a map's inside, which does not say of which map.
  bool MayLearn(TypeId type) const { return type == 0 || type == tables_ || type == directories_; }

  void TypeTarget(ObjectId target, const GoSlot& slot) {
    const TypeId before = graph_.type(target);
    if (slot.target == 0 || (before != 0 && PartOf(slot.target) == GoPart{})) return;
    const GoLayout* layout = layouts_.LayoutOf(slot.target);
    if (layout == nullptr || !Fits(target, slot, *layout)) return;
    const TypeId type = IdOf(slot.target);
    if (type == 0) return;
    graph_.SetType(target, type);
    if (before == 0) ++typing_.propagated;
    queue_.Push(target);
  }

  // Whether an object of its size can be what the slot says. Slots of the allocator waste an
  // eighth at most, small ones up to 16 bytes; large ones come in pages.
  bool Fits(ObjectId target, const GoSlot& slot, const GoLayout& layout) const {
    const uint64_t bytes = graph_.bytes(target);
    if (layout.pointer_free && !graph_.targets(target).empty()) return false;
    if (slot.target_bytes == 0) return true;
    const uint64_t needed = slot.target_bytes + HeaderOf(target, layout.pointer_free);
    if (bytes < needed) return false;
    if (slot.many) return true;
    const uint64_t rounding = bytes > kHeaderUpTo ? 8192 : 16;
    return bytes - needed <= std::max(rounding, needed / 7);
  }

  HeapGraph& graph_;
  const GoExecutable& executable_;
  const uint64_t slide_;
  GoLayouts layouts_;
  GrowingArray<ObjectId> queue_;
  Scratch& scratch_;
  std::unordered_map<TypeKey, TypeId> ids_;
  TypeId tables_ = 0, directories_ = 0;
  GoTyping typing_;
};

}  // namespace

Result<GoTyping> TypeGoObjects(HeapGraph& graph, const GoExecutable& executable, uint64_t slide,
                               Scratch& scratch) {
  return Typing(graph, executable, slide, scratch).Run();
}

}  // namespace tidemark::goheap
