#include "graphfile/graph_reader.h"

#include <cstring>
#include <vector>

#include "base/hash.h"
#include "graphfile/block_stream.h"
#include "graphfile/records.h"

namespace tidemark::graphfile {
namespace {

using heapgraph::HeapSink;
using heapgraph::ObjectEvent;
using heapgraph::ReadOutcome;
using heapgraph::Reference;

// Tells blocks to a sink.
class Teller {
 public:
  Teller(HeapSink& sink, heapgraph::HeapSource::Wants wants)
      : sink_(sink), wants_(wants), records_(sink, wants) {}

  Result<void> Tell(const Block& block) {
    records_.BeginBlock(block.records);
    labels_.resize(block.labels.size());
    mapped_.assign(block.shapes.size(), false);
    object_ = target_ = contents_ = 0;
    for (const uint32_t op : block.ops) {
      if (op < kFirstShape) {
        TIDEMARK_RETURN_IF_ERROR(records_.Tell(op));
      } else {
        TIDEMARK_RETURN_IF_ERROR(TellObject(block, op - kFirstShape));
      }
    }
    events_ += block.ops.size();
    return records_.at_end() ? Result<void>() : Corrupt("records: bytes left over");
  }
  uint64_t events() const { return events_; }

 private:
  // Names may be told in the middle of a block, but before the first object that uses them.
  Result<void> MapLabels(const Block& block, uint32_t index) {
    const Shape& shape = block.shapes[index];
    for (uint32_t i = shape.first_label; i < shape.first_label + shape.references; ++i) {
      if (!records_.MapLabel(block.labels[i], &labels_[i])) {
        return Corrupt("shape " + std::to_string(index) + " has a name that was never told");
      }
    }
    mapped_[index] = true;
    return {};
  }

  Result<void> TellObject(const Block& block, uint32_t index) {
    const Shape& shape = block.shapes[index];
    if (!mapped_[index]) TIDEMARK_RETURN_IF_ERROR(MapLabels(block, index));
    ObjectEvent event;
    event.address = block.addresses[object_++];
    event.bytes = shape.bytes;
    event.type = shape.type;
    event.pointer_free = shape.pointer_free;
    if (wants_.references) {
      references_.resize(shape.references);
      for (uint32_t i = 0; i < shape.references; ++i) {
        references_[i] = {block.targets[target_ + i], labels_[shape.first_label + i],
                          block.target_types[shape.first_label + i]};
      }
      event.references = references_;
    }
    if (wants_.contents) {
      event.contents = std::as_bytes(std::span(block.contents)).subspan(contents_);
      event.contents = event.contents.first(shape.contents_bytes);
    }
    target_ += shape.references;
    contents_ += shape.contents_bytes;
    sink_.OnObject(event);
    return {};
  }

  HeapSink& sink_;
  const heapgraph::HeapSource::Wants wants_;
  RecordReader records_;
  std::vector<heapgraph::Label> labels_;  // of the block's shapes, as the sink numbers names
  std::vector<bool> mapped_;
  std::vector<Reference> references_;
  size_t object_ = 0, target_ = 0, contents_ = 0;
  uint64_t events_ = 0;
};

// What the end says of the source, against what was read. "" = all is there.
std::string CheckEnd(std::string_view end, uint64_t events) {
  ByteReader in(end);
  const uint64_t expected = in.Varint();
  in.Varint();  // bytes of the source
  const std::string_view damage = in.Text();
  if (!in.ok()) return "the end marker is cut short";
  if (expected != events) {
    return "the end marker tells of " + std::to_string(expected) + " events, " +
           std::to_string(events) + " were there";
  }
  if (!damage.empty()) return "the dump it was made of: " + std::string(damage);
  return {};
}

std::string Place(const ReadBlock& block) {
  return "block " + std::to_string(block.number) + " at offset " + std::to_string(block.offset) +
         ": ";
}

}  // namespace

bool LooksLikeGraphFile(std::span<const std::byte> first_bytes) {
  return first_bytes.size() >= 8 && std::memcmp(first_bytes.data(), kMagic, 8) == 0;
}

Result<std::unique_ptr<GraphFileSource>> GraphFileSource::Open(std::unique_ptr<ByteSource> bytes) {
  std::unique_ptr<GraphFileSource> source(new GraphFileSource(std::move(bytes)));
  TIDEMARK_RETURN_IF_ERROR(source->ReadHeader());
  return source;
}

Result<void> GraphFileSource::ReadHeader() {
  cursor_ = std::make_unique<ByteCursor>(*bytes_);
  FileHeader header;
  TIDEMARK_ASSIGN_OR_RETURN(auto first, cursor_->Peek(sizeof header));
  if (!LooksLikeGraphFile(first))
    return InvalidArgument("not a graph-only file: no magic TMHGRAPH");
  if (first.size() < sizeof header) return Corrupt("a graph-only file cut short in its header");
  std::memcpy(&header, first.data(), sizeof header);
  if (header.version != kVersion) {
    return InvalidArgument("a graph-only file of version " + std::to_string(header.version) +
                           "; this program reads version " + std::to_string(kVersion) +
                           ": shrink the dump again, or use the program that wrote it");
  }
  if (header.format_bytes > kMaxFormatBytes) {
    return Corrupt("a graph-only file whose header is damaged: a format's name of " +
                   std::to_string(header.format_bytes) + " bytes at offset 12");
  }
  const size_t checked = sizeof header + header.format_bytes;
  TIDEMARK_ASSIGN_OR_RETURN(const auto bytes, cursor_->Peek(checked + sizeof(uint64_t)));
  if (bytes.size() < checked + 8) return Corrupt("a graph-only file cut short in its header");
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), checked);
  uint64_t checksum;
  std::memcpy(&checksum, bytes.data() + checked, sizeof checksum);
  if (checksum != Hash64(text)) {
    return Corrupt("a graph-only file whose header fails its checksum at offset " +
                   std::to_string(checked));
  }
  format_ = text.substr(sizeof header);
  cursor_->Advance(checked + sizeof checksum);
  at_first_block_ = true;
  return {};
}

Result<ReadOutcome> GraphFileSource::Read(HeapSink& sink, Wants wants) {
  if (!at_first_block_) {
    TIDEMARK_RETURN_IF_ERROR(bytes_->Rewind());
    TIDEMARK_RETURN_IF_ERROR(ReadHeader());
  }
  at_first_block_ = false;
  BlockStream stream(*cursor_, wants);
  Teller teller(sink, wants);
  ReadOutcome outcome;
  std::unique_ptr<ReadBlock> block;
  while (outcome.damage.empty()) {
    block = stream.Next(std::move(block));
    outcome.bytes = block->end_offset;
    if (!block->damage.empty()) {
      outcome.damage = Place(*block) + block->damage;
    } else if (block->kind == BlockKind::kEnd) {
      outcome.damage = CheckEnd(block->end, teller.events());
      break;
    } else if (const auto told = teller.Tell(block->events); !told) {
      outcome.damage = Place(*block) + told.error().message;
    }
    sink.OnProgress(outcome.bytes);
  }
  return outcome;
}

}  // namespace tidemark::graphfile
