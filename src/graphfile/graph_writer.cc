#include "graphfile/graph_writer.h"

#include <algorithm>

#include "graphfile/compressor.h"
#include "graphfile/format.h"

namespace tidemark::graphfile {
namespace {

using heapgraph::Reference;

// In memory; about half of it once in columns.
constexpr size_t kBlockBytes = size_t{2} << 20;
constexpr size_t kMaxContents = size_t{1} << 20;

}  // namespace

GraphWriter::GraphWriter(WriteBytes write, GraphWriterOptions options)
    : compressor_(std::make_unique<Compressor>(std::move(write), options)),
      block_(std::make_unique<Block>()) {}

GraphWriter::~GraphWriter() = default;

bool GraphWriter::failed() const { return compressor_->failed(); }

void GraphWriter::Added(uint32_t op) {
  block_->ops.push_back(op);
  ++events_;
  if (block_->bytes() < kBlockBytes) return;
  compressor_->Submit(block_);
  shapes_.Reset();
  records_.Reset();
}

uint32_t GraphWriter::Intern(std::string_view name) {
  CountText(name);
  bool added = false;
  const uint32_t number = names_.Find(name.substr(0, kMaxTextBytes), &added);
  if (number == NameTable::kMaxNames) {
    added = totals_.names_refused++ == 0;
    name = "(other)";
  }
  if (added) {
    records_.Name(name, block_->records);
    Added(kName);
  }
  return number;
}

void GraphWriter::OnType(const heapgraph::TypeEvent& type) {
  CountText(type.name);
  records_.Type(type, block_->records);
  Added(kType);
}

void GraphWriter::OnObject(const heapgraph::ObjectEvent& told) {
  heapgraph::ObjectEvent object = told;
  if (object.contents.size() > kMaxContents) {
    object.contents = object.contents.first(kMaxContents);
    ++totals_.texts_cut;
  }
  object.references = told.references.first(std::min(told.references.size(), kMaxReferences));
  const uint32_t shape = shapes_.Find(object, *block_);
  block_->addresses.push_back(object.address);
  const size_t first = block_->targets.size();
  block_->targets.resize(first + object.references.size());
  uint64_t* targets = block_->targets.data() + first;
  for (const Reference& reference : object.references) *targets++ = reference.target;
  block_->contents.append(reinterpret_cast<const char*>(object.contents.data()),
                          object.contents.size());
  ++totals_.objects;
  totals_.references += object.references.size();
  totals_.contents_bytes += object.contents.size();
  Added(kFirstShape + shape);
  for (const Reference& reference : told.references.subspan(object.references.size())) {
    ++totals_.references_apart;
    OnReference(object.address, reference);
  }
}

void GraphWriter::OnRoot(heapgraph::RootKind kind, uint64_t address) {
  records_.Root(kind, address, block_->records);
  Added(kRoot);
}

void GraphWriter::OnHolder(const heapgraph::HolderEvent& holder) {
  CountText(holder.name);
  auto left = holder.references;
  do {
    const auto now = left.first(std::min(left.size(), kMaxReferences));
    left = left.subspan(now.size());
    records_.Holder(holder, now, block_->records);
    totals_.references += now.size();
    totals_.references_apart += left.size() > 0 ? std::min(left.size(), kMaxReferences) : 0;
    Added(kHolder);
  } while (!left.empty());
}

void GraphWriter::OnReference(uint64_t source, const Reference& reference) {
  records_.Reference(source, reference, block_->records);
  ++totals_.references;
  Added(kReference);
}

void GraphWriter::OnFact(const heapgraph::FactEvent& fact) {
  CountText(fact.key);
  CountText(fact.value);
  records_.Fact(fact, block_->records);
  Added(kFact);
}

Result<GraphWriterTotals> GraphWriter::Finish(const heapgraph::ReadOutcome& outcome) {
  if (!block_->ops.empty()) compressor_->Submit(block_);
  std::string end;
  PutVarint(end, events_);
  PutVarint(end, outcome.bytes);
  PutText(end, std::string_view(outcome.damage).substr(0, kMaxTextBytes));
  TIDEMARK_RETURN_IF_ERROR(compressor_->Finish(end));
  totals_.bytes = compressor_->written_bytes();
  return totals_;
}

}  // namespace tidemark::graphfile
