// The events that are not objects, as bytes of a block's `records`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "graphfile/format.h"
#include "graphfile/varint.h"
#include "heapgraph/heap_events.h"

namespace tidemark::graphfile {

// Longer texts are cut: a name, a fact's value.
inline constexpr size_t kMaxTextBytes = size_t{1} << 16;

// Each address is told by its distance from the last one; a block begins with a new state.
struct RecordState {
  uint64_t type = 0, root = 0, source = 0, target = 0, target_type = 0, holder = 0;
  uint32_t label = 0;
};

class RecordWriter {
 public:
  void Reset() { state_ = {}; }
  void Type(const heapgraph::TypeEvent& type, std::string& out);
  void Root(heapgraph::RootKind kind, uint64_t address, std::string& out);
  // `references`: those of the holder, or a part of them.
  void Holder(const heapgraph::HolderEvent& holder,
              std::span<const heapgraph::Reference> references, std::string& out);
  void Reference(uint64_t source, const heapgraph::Reference& reference, std::string& out);
  void Fact(const heapgraph::FactEvent& fact, std::string& out);
  void Name(std::string_view name, std::string& out);

 private:
  void Link(const heapgraph::Reference& reference, std::string& out);
  RecordState state_;
};

// Tells records to a sink. The names' numbers of the file become those of the sink.
class RecordReader {
 public:
  RecordReader(heapgraph::HeapSink& sink, heapgraph::HeapSource::Wants wants)
      : sink_(sink), wants_(wants) {}

  void BeginBlock(std::string_view records) {
    in_ = ByteReader(records);
    state_ = {};
  }
  // Errors: corrupt: the bytes end too early, an unknown kind of root, a name never told.
  Result<void> Tell(uint32_t op);
  bool at_end() const { return in_.left() == 0; }
  // A label of the file as the sink's. False: it has a name that was never told.
  bool MapLabel(uint32_t bits, heapgraph::Label* label) const;

 private:
  bool Link(heapgraph::Reference* reference);
  bool TellType();
  bool TellRoot();
  bool TellHolder();
  bool TellReference();
  bool TellFact();
  bool TellName();

  heapgraph::HeapSink& sink_;
  const heapgraph::HeapSource::Wants wants_;
  ByteReader in_;
  RecordState state_;
  std::vector<uint32_t> names_;  // number in the file -> of the sink
  std::vector<heapgraph::Reference> references_;
};

}  // namespace tidemark::graphfile
