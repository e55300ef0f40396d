#include "graphfile/records.h"

namespace tidemark::graphfile {

using heapgraph::HeapSink;
using heapgraph::Label;
using heapgraph::RootKind;

namespace {

std::string_view Cut(std::string_view text) { return text.substr(0, kMaxTextBytes); }

uint64_t Step(uint64_t to, uint64_t* from) {
  const uint64_t step = ZigZag(to - *from);
  *from = to;
  return step;
}

}  // namespace

// ---------------------------------------------------------------- to bytes

void RecordWriter::Type(const heapgraph::TypeEvent& type, std::string& out) {
  PutVarint(out, Step(type.key, &state_.type));
  PutVarint(out, type.bytes);
  out.push_back(
      static_cast<char>((type.internal ? 1 : 0) | (type.interface_data_is_pointer ? 2 : 0)));
  PutText(out, Cut(type.name));
}

void RecordWriter::Root(RootKind kind, uint64_t address, std::string& out) {
  out.push_back(static_cast<char>(kind));
  PutVarint(out, Step(address, &state_.root));
}

void RecordWriter::Link(const heapgraph::Reference& reference, std::string& out) {
  const uint32_t step = reference.label.bits() - state_.label;
  state_.label = reference.label.bits();
  const bool typed = reference.target_type != 0;
  PutVarint(out, ZigZag(static_cast<uint64_t>(int64_t{static_cast<int32_t>(step)})) << 1 |
                     (typed ? 1 : 0));
  PutVarint(out, Step(reference.target, &state_.target));
  if (typed) PutVarint(out, Step(reference.target_type, &state_.target_type));
}

void RecordWriter::Holder(const heapgraph::HolderEvent& holder,
                          std::span<const heapgraph::Reference> references, std::string& out) {
  out.push_back(static_cast<char>(holder.kind));
  PutText(out, Cut(holder.name));
  PutVarint(out, Step(holder.address, &state_.holder));
  PutVarint(out, holder.bytes);
  PutVarint(out, references.size());
  state_.label = 0;
  for (const auto& reference : references) Link(reference, out);
}

void RecordWriter::Reference(uint64_t source, const heapgraph::Reference& reference,
                             std::string& out) {
  PutVarint(out, Step(source, &state_.source));
  Link(reference, out);
}

void RecordWriter::Fact(const heapgraph::FactEvent& fact, std::string& out) {
  PutText(out, Cut(fact.key));
  PutText(out, Cut(fact.value));
}

void RecordWriter::Name(std::string_view name, std::string& out) { PutText(out, Cut(name)); }

// ---------------------------------------------------------------- to events

bool RecordReader::MapLabel(uint32_t bits, Label* label) const {
  *label = Label::FromBits(bits);
  if (label->kind() != Label::Kind::kName && label->kind() != Label::Kind::kHidden) return true;
  if (label->number() >= names_.size()) return false;
  *label = Label(label->kind(), names_[label->number()]);
  return true;
}

bool RecordReader::Link(heapgraph::Reference* reference) {
  const uint64_t word = in_.Varint();
  state_.label += static_cast<uint32_t>(UnZigZag(word >> 1));
  reference->target = state_.target += UnZigZag(in_.Varint());
  reference->target_type = 0;
  if ((word & 1) != 0) {
    reference->target_type = state_.target_type += UnZigZag(in_.Varint());
  }
  return MapLabel(state_.label, &reference->label) && in_.ok();
}

bool RecordReader::TellType() {
  heapgraph::TypeEvent type;
  type.key = state_.type += UnZigZag(in_.Varint());
  type.bytes = in_.Varint();
  const uint8_t flags = in_.Byte();
  type.internal = (flags & 1) != 0;
  type.interface_data_is_pointer = (flags & 2) != 0;
  type.name = in_.Text();
  if (!in_.ok()) return false;
  sink_.OnType(type);
  return true;
}

bool RecordReader::TellRoot() {
  const uint8_t kind = in_.Byte();
  state_.root += UnZigZag(in_.Varint());
  if (!in_.ok() || kind > static_cast<uint8_t>(RootKind::kOther)) return false;
  sink_.OnRoot(static_cast<RootKind>(kind), state_.root);
  return true;
}

bool RecordReader::TellHolder() {
  heapgraph::HolderEvent holder;
  const uint8_t kind = in_.Byte();
  holder.kind = static_cast<RootKind>(kind);
  holder.name = in_.Text();
  holder.address = state_.holder += UnZigZag(in_.Varint());
  holder.bytes = in_.Varint();
  const uint64_t count = in_.Varint();
  if (count > in_.left() / 2 || kind > static_cast<uint8_t>(RootKind::kOther)) return false;
  references_.resize(count);
  state_.label = 0;
  for (auto& reference : references_) {
    if (!Link(&reference)) return false;
  }
  if (!in_.ok()) return false;
  if (wants_.references) holder.references = references_;
  sink_.OnHolder(holder);
  return true;
}

bool RecordReader::TellReference() {
  state_.source += UnZigZag(in_.Varint());
  heapgraph::Reference reference;
  if (!Link(&reference)) return false;
  if (wants_.references) sink_.OnReference(state_.source, reference);
  return true;
}

bool RecordReader::TellFact() {
  const std::string_view key = in_.Text();
  const std::string_view value = in_.Text();
  if (!in_.ok()) return false;
  sink_.OnFact({key, value});
  return true;
}

bool RecordReader::TellName() {
  const std::string_view name = in_.Text();
  if (!in_.ok()) return false;
  names_.push_back(sink_.Intern(name));
  return true;
}

Result<void> RecordReader::Tell(uint32_t op) {
  struct Kind {
    const char* name;
    bool (RecordReader::*tell)();
  };
  static constexpr Kind kKinds[] = {
      {"type", &RecordReader::TellType},     {"root", &RecordReader::TellRoot},
      {"holder", &RecordReader::TellHolder}, {"reference", &RecordReader::TellReference},
      {"fact", &RecordReader::TellFact},     {"name", &RecordReader::TellName},
  };
  const Kind& kind = kKinds[op];
  if ((this->*kind.tell)()) return {};
  return Corrupt(std::string("a ") + kind.name + " record that is cut short or out of range");
}

}  // namespace tidemark::graphfile
