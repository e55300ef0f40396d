#include "goheap/go_naming.h"

#include <algorithm>

namespace tidemark::goheap {
namespace {

using heapgraph::HolderEvent;
using heapgraph::Label;
using heapgraph::Reference;
using heapgraph::RootKind;

// Whose events nobody wants.
class Ignore : public heapgraph::HeapSink {
 public:
  uint32_t Intern(std::string_view) override { return 0; }
  void OnType(const heapgraph::TypeEvent&) override {}
  void OnObject(const heapgraph::ObjectEvent&) override {}
  void OnRoot(RootKind, uint64_t) override {}
  void OnHolder(const HolderEvent&) override {}
  void OnReference(uint64_t, const Reference&) override {}
  void OnFact(const heapgraph::FactEvent&) override {}
  void OnProgress(uint64_t) override {}
};

// Where in its segment a reference lies.
uint64_t OffsetOf(const Reference& reference) { return reference.label.number(); }

}  // namespace

GoNamer::GoNamer(const GoExecutable& executable, GoPlacement& placement, heapgraph::HeapSink& next)
    : executable_(executable), placement_(placement), next_(next) {}

void GoNamer::OnType(const heapgraph::TypeEvent& type) {
  placement_.AddType(type);
  Saw(type.key);
  next_.OnType(type);
}

void GoNamer::OnObject(const heapgraph::ObjectEvent& object) {
  Saw(object.type);
  heapgraph::ObjectEvent event = object;
  event.references = Resolved(object.references);
  next_.OnObject(event);
}

void GoNamer::OnReference(uint64_t source, const Reference& reference) {
  Saw(reference.target_type);
  Reference copy = reference;
  copy.target_type = Resolve(reference.target_type);
  next_.OnReference(source, copy);
}

void GoNamer::OnFact(const heapgraph::FactEvent& fact) {
  if (fact.key == "go version") placement_.AddVersion(fact.value);
  next_.OnFact(fact);
}

void GoNamer::OnHolder(const HolderEvent& holder) {
  const bool segment = holder.name == "data" || holder.name == "bss";
  if (holder.kind == RootKind::kSegment && segment) {
    placement_.AddSegment(holder);
    if (placement_.slide()) return Split(holder);
  }
  HolderEvent event = holder;
  event.references = Resolved(holder.references);
  next_.OnHolder(event);
}

void GoNamer::Saw(TypeKey key) {
  if (key == last_seen_ || key == 0) return;
  last_seen_ = key;
  if (seen_.size() < kMaxKeys) seen_.insert(key);
}

TypeKey GoNamer::Resolve(TypeKey key) {
  if (key == DescriptorOf(key) || !placement_.slide()) return key;
  if (!layouts_) layouts_ = std::make_unique<GoLayouts>(executable_, *placement_.slide());
  const TypeKey resolved = layouts_->Resolved(key);
  // A word taken for a descriptor by its place, of which the executable knows better.
  if (resolved == key && IsBehindInterface(key)) return 0;
  Saw(resolved);
  return resolved;
}

std::span<const Reference> GoNamer::Resolved(std::span<const Reference> references) {
  bool derived = false;
  for (const Reference& reference : references) {
    if (reference.target_type == 0) continue;
    Saw(reference.target_type);
    derived |= reference.target_type != DescriptorOf(reference.target_type);
  }
  if (!derived || !placement_.slide()) return references;
  references_.assign(references.begin(), references.end());
  for (Reference& reference : references_) {
    reference.target_type = Resolve(reference.target_type);
  }
  return references_;
}

// The segment's references by the globals they lie in, both in the order of addresses.
void GoNamer::Split(const HolderEvent& segment) {
  const auto resolved = Resolved(segment.references);
  std::vector<Reference> references(resolved.begin(), resolved.end());
  std::stable_sort(
      references.begin(), references.end(),
      [](const Reference& a, const Reference& b) { return OffsetOf(a) < OffsetOf(b); });
  const auto& globals = executable_.globals();
  const uint64_t begin = segment.address - *placement_.slide(), end = begin + segment.bytes;
  auto global = std::partition_point(globals.begin(), globals.end(), [begin](const GoGlobal& each) {
    return each.address + each.bytes <= begin;
  });
  rest_.clear();
  size_t next = 0;
  uint64_t done = begin;
  for (; global != globals.end() && global->address < end; ++global) {
    if (global->address + global->bytes <= done) continue;  // lies within the one before
    const uint64_t from = std::max(global->address, done);
    const uint64_t to = std::min(global->address + global->bytes, end);
    for (; next < references.size() && begin + OffsetOf(references[next]) < from; ++next) {
      rest_.push_back(references[next]);
    }
    const size_t first = next;
    for (; next < references.size() && begin + OffsetOf(references[next]) < to; ++next) {
      references[next].label =
          Label(Label::Kind::kOffset, begin + OffsetOf(references[next]) - global->address);
    }
    HolderEvent event{.kind = RootKind::kGlobal,
                      .name = global->name,
                      .address = global->address + *placement_.slide(),
                      .bytes = global->bytes,
                      .references = std::span(references).subspan(first, next - first)};
    if (global->address == from && segment.contents.size() >= to - begin) {
      event.contents = segment.contents.subspan(from - begin, to - from);
    }
    next_.OnHolder(event);
    done = to;
  }
  rest_.insert(rest_.end(), references.begin() + static_cast<ptrdiff_t>(next), references.end());
  HolderEvent event = segment;
  const std::string name = std::string(segment.name) + " (no symbol)";
  event.name = name;
  event.references = rest_;
  event.contents = {};
  next_.OnHolder(event);
}

void GoNamer::Name(TypeKey key) {
  const GoLayout* const layout = layouts_->LayoutOf(layouts_->Resolved(key));
  if (layout == nullptr || layout->name.empty()) return;
  next_.OnType({.key = key,
                .name = layout->name,
                .bytes = layout->value_bytes,
                .internal = layout->internal});
}

void GoNamer::Finish() {
  if (!placement_.mismatch().empty()) {
    next_.OnFact({.key = "executable", .value = placement_.mismatch()});
  }
  if (!placement_.slide()) return;
  if (!layouts_) layouts_ = std::make_unique<GoLayouts>(executable_, *placement_.slide());
  for (const TypeKey key : seen_) Name(key);
  char slide[24];
  std::snprintf(slide, sizeof(slide), "0x%llx",
                static_cast<unsigned long long>(*placement_.slide()));
  next_.OnFact({.key = "executable slide", .value = slide});
}

Result<heapgraph::ReadOutcome> NamedGoHeap::Read(heapgraph::HeapSink& sink, Wants wants) {
  // Of a program that is loaded anywhere its segments tell where, which come behind the objects.
  if (wants.references && !placement_.fixed() && !placement_.slide()) {
    Ignore nobody;
    GoNamer look(executable_, placement_, nobody);
    TIDEMARK_RETURN_IF_ERROR(heap_->Read(look, {.references = false, .contents = false}));
  }
  GoNamer namer(executable_, placement_, sink);
  auto outcome = heap_->Read(namer, wants);
  if (outcome) namer.Finish();
  return outcome;
}

}  // namespace tidemark::goheap
