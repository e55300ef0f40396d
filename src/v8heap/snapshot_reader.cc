#include "v8heap/snapshot_reader.h"

#include <optional>

#include "v8heap/classes.h"
#include "v8heap/reachability.h"
#include "v8heap/tables.h"

namespace tidemark::v8heap {
namespace {

using heapgraph::HeapSink;
using heapgraph::Label;
using heapgraph::Reference;
using heapgraph::RootKind;

constexpr uint64_t kAhead = 32;           // edges whose target's memory is asked for
constexpr size_t kMaxHolders = 1024;      // further ones are roots without a name
constexpr uint32_t kBetweenBreaths = 64;  // nodes: each may map pages of others

// Tells one Read.
class Telling {
 public:
  Telling(Tables* tables, const Classes& classes, HeapSink& sink, heapgraph::Scratch& scratch,
          heapgraph::Array<uint32_t> name_labels, size_t max_references)
      : max_references_(max_references),
        tables_(*tables),
        classes_(classes),
        sink_(sink),
        scratch_(scratch),
        begin_(tables->edge_begin.span().data()),
        to_(tables->edge_to.span().data()),
        flags_(tables->node_flags.span().data()),
        ids_(tables->node_id.span().data()),
        name_labels_(std::move(name_labels)),
        type_told_(tables->names.size() * 4 + 1024) {}

  void Run(bool references, const std::vector<uint32_t>& orphans) {
    for (uint32_t node = 0; node < tables_.nodes(); ++node) {
      if (node % kBetweenBreaths == 0) scratch_.Breathe();
      if (node == tables_.root()) continue;
      TellObject(node, references);
    }
    TellRoots();
    TellOrphans(orphans);
    sink_.OnProgress(tables_.bytes);
  }

 private:
  void TellObject(uint32_t node, bool references) {
    const heapgraph::TypeKey type = TypeOf(node);
    uint64_t edge = begin_[node];
    references_.clear();
    if (references) edge = CollectReferences(node, edge);
    sink_.OnObject({.address = AddressOf(node),
                    .bytes = tables_.size_of(node),
                    .type = type,
                    .references = references_,
                    .contents = {}});
    while (references && edge < begin_[node + 1]) {
      scratch_.Breathe();
      references_.clear();
      edge = CollectReferences(node, edge);
      for (const Reference& reference : references_) sink_.OnReference(AddressOf(node), reference);
    }
  }

  uint64_t AddressOf(uint32_t node) const {
    return tables_.ids_usable ? uint64_t{ids_[node]} : uint64_t{node} + 1;
  }

  heapgraph::TypeKey TypeOf(uint32_t node) {
    const heapgraph::TypeKey key = classes_.KeyOf(node);
    // Dense: types by their number, classes by name four a name.
    const uint64_t place = key < 1024 ? key : 1024 + ((key >> 10) - 1) * 4 + (key & 3);
    if (place < type_told_.size() && type_told_[place]) return key;
    if (place < type_told_.size()) type_told_[place] = true;
    sink_.OnType(
        {.key = key, .name = classes_.NameOf(node), .internal = classes_.IsInternal(node)});
    return key;
  }

  // From `edge` on, max_references_ of them; answers the edge that comes next.
  uint64_t CollectReferences(uint32_t node, uint64_t edge) {
    const uint64_t end = begin_[node + 1];
    for (; edge < end && references_.size() < max_references_; ++edge) {
      if (edge + kAhead < tables_.edge_count) {
        __builtin_prefetch(&flags_[to_[edge + kAhead]]);
        __builtin_prefetch(&ids_[to_[edge + kAhead]]);
      }
      if (!Counts(tables_, node, edge) || to_[edge] == tables_.root()) continue;
      references_.push_back({.target = AddressOf(to_[edge]), .label = LabelOf(edge)});
    }
    return edge;
  }

  Label LabelOf(uint64_t edge) {
    const auto kind = static_cast<EdgeKind>(tables_.edge_kind[edge]);
    const uint32_t name = tables_.edge_name[edge];
    if (kind == EdgeKind::kElement || kind == EdgeKind::kHidden) {
      return {Label::Kind::kIndex, name};
    }
    if (tables_.names.kind(name) == Names::Kind::kIndex) {
      return {Label::Kind::kIndex, tables_.names.value(name)};
    }
    const bool hidden = kind == EdgeKind::kInternal || kind == EdgeKind::kOther;
    return {hidden ? Label::Kind::kHidden : Label::Kind::kName, Interned(name)};
  }

  uint32_t Interned(uint32_t name) {
    if (name >= name_labels_.size()) return sink_.Intern("(no name)");
    if (name_labels_[name] == 0) name_labels_[name] = sink_.Intern(tables_.names.text(name)) + 1;
    return name_labels_[name] - 1;
  }

  // A holder for each of what the root holds, named as its class.
  void TellRoots() {
    const uint32_t root = tables_.root();
    const Label label(Label::Kind::kHidden, sink_.Intern("root"));
    size_t holders = 0;
    for (uint64_t edge = begin_[root]; edge < begin_[root + 1]; ++edge) {
      if (!Counts(tables_, root, edge)) continue;
      const bool global = tables_.edge_kind[edge] == static_cast<uint8_t>(EdgeKind::kShortcut);
      const RootKind kind = global ? RootKind::kGlobal : RootKind::kSystem;
      const uint64_t address = AddressOf(to_[edge]);
      if (++holders > kMaxHolders) {
        sink_.OnRoot(kind, address);
        continue;
      }
      const Reference reference{.target = address, .label = label};
      const std::string name = classes_.NameOf(to_[edge]);
      sink_.OnHolder(
          {.kind = kind, .name = name, .references = std::span(&reference, 1), .contents = {}});
    }
  }

  void TellOrphans(const std::vector<uint32_t>& orphans) {
    if (orphans.empty()) return;
    references_.clear();
    for (const uint32_t node : orphans) {
      references_.push_back(
          {.target = AddressOf(node), .label = {Label::Kind::kIndex, references_.size()}});
    }
    sink_.OnHolder({.kind = RootKind::kOther,
                    .name = "(weakly held)",
                    .references = references_,
                    .contents = {}});
  }

  const size_t max_references_;
  Tables& tables_;
  const Classes& classes_;
  HeapSink& sink_;
  heapgraph::Scratch& scratch_;
  const uint32_t* begin_;
  const uint32_t* to_;
  const uint8_t* flags_;
  const uint32_t* ids_;
  heapgraph::Array<uint32_t> name_labels_;  // by string: its interned number + 1, 0 = not yet
  std::vector<bool> type_told_;
  std::vector<Reference> references_;
};

class SnapshotSource : public heapgraph::HeapSource {
 public:
  SnapshotSource(std::unique_ptr<ByteSource> source, const SnapshotOptions& options)
      : source_(std::move(source)),
        options_(options),
        scratch_(options.scratch != nullptr ? *options.scratch : own_scratch_) {}

  std::string_view format() const override { return "v8 heap snapshot"; }

  Result<heapgraph::ReadOutcome> Read(HeapSink& sink, Wants wants) override {
    if (!loaded_) {
      loaded_ = true;
      status_ = Load(sink);
    }
    TIDEMARK_RETURN_IF_ERROR(status_);
    TellFacts(sink);
    TIDEMARK_ASSIGN_OR_RETURN(auto labels,
                              heapgraph::Array<uint32_t>::Make(scratch_, tables_->names.size()));
    Telling(&*tables_, *classes_, sink, scratch_, std::move(labels), options_.max_references)
        .Run(wants.references, orphans_);
    return heapgraph::ReadOutcome{.bytes = tables_->bytes, .damage = tables_->damage};
  }

 private:
  Result<void> Load(HeapSink& sink) {
    tables_.emplace(scratch_);
    TIDEMARK_RETURN_IF_ERROR(LoadTables(*source_, scratch_, &*tables_, [&](uint64_t bytes) {
      sink.OnProgress(bytes);
      scratch_.Breathe();
    }));
    source_.reset();
    classes_.emplace(&*tables_, scratch_);
    TIDEMARK_ASSIGN_OR_RETURN(orphans_, Reach(&*tables_, scratch_));
    weakly_held_ = orphans_.size();
    if (!options_.keep_unreached) orphans_.clear();
    return {};
  }

  void TellFacts(HeapSink& sink) {
    uint64_t detached = 0, detached_bytes = 0;
    for (uint32_t node = 0; node < tables_->nodes(); ++node) {
      scratch_.BreatheAt(node);
      if ((tables_->node_flags[node] & kDetached) == 0) continue;
      ++detached;
      detached_bytes += tables_->size_of(node);
    }
    const auto tell = [&](std::string_view key, uint64_t value) {
      sink.OnFact({key, std::to_string(value)});
    };
    sink.OnFact(heapgraph::kAddressesAreIds);
    if (!tables_->ids_usable) sink.OnFact({"v8 ids", "unusable"});
    tell("nodes", tables_->node_count);
    tell("edges", tables_->edge_count);
    tell("detached nodes", detached);
    tell("detached bytes", detached_bytes);
    tell("weakly held nodes", weakly_held_);
    tell("extra native bytes", tables_->schema.extra_native_bytes);
  }

  std::unique_ptr<ByteSource> source_;
  const SnapshotOptions options_;
  heapgraph::HeapScratch own_scratch_;
  heapgraph::Scratch& scratch_;
  bool loaded_ = false;
  Result<void> status_;
  std::optional<Tables> tables_;
  std::optional<Classes> classes_;
  std::vector<uint32_t> orphans_;
  uint64_t weakly_held_ = 0;
};

}  // namespace

Result<std::unique_ptr<heapgraph::HeapSource>> OpenV8Snapshot(std::unique_ptr<ByteSource> source,
                                                              const SnapshotOptions& options) {
  return std::unique_ptr<heapgraph::HeapSource>(
      std::make_unique<SnapshotSource>(std::move(source), options));
}

}  // namespace tidemark::v8heap
