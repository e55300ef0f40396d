// Columns to rows. Nothing in the bytes is trusted: each count is held against the bytes that are
// there before memory is taken, so that a block takes at most some twelve times its raw bytes.
#include <cstring>

#include "graphfile/block.h"
#include "graphfile/block_columns.h"
#include "graphfile/varint.h"

namespace tidemark::graphfile {
namespace {

using heapgraph::HeapSource;

Result<void> DecodeOps(ByteReader in, uint64_t count, uint64_t shapes, Block& block) {
  if (count > in.left()) return Corrupt("events: more of them than bytes");
  block.ops.resize(count);
  uint64_t next = kFirstShape;
  for (uint32_t& op : block.ops) {
    uint64_t code = in.Varint();
    if (code == kNewShape) code = next++;
    if (code >= next || (code > kName && code < kFirstShape)) {
      return Corrupt("events: unknown code " + std::to_string(code));
    }
    op = static_cast<uint32_t>(code);
  }
  if (!in.ok() || in.left() > 0) return Corrupt("events: do not fill their column");
  if (next - kFirstShape != shapes) return Corrupt("events: not every shape is used");
  return {};
}

Result<void> DecodeShapes(ByteReader in, uint64_t count, Block& block) {
  if (count > in.left() / 4) return Corrupt("shapes: more of them than bytes");
  block.shapes.resize(count);
  uint64_t last_type = 0, last_target_type = 0;
  for (Shape& shape : block.shapes) {
    shape.bytes = in.Varint();
    shape.type = last_type += UnZigZag(in.Varint());
    const uint64_t contents = in.Varint();
    const uint64_t references = in.Varint();
    if (contents >> 1 > kMaxRawBytes) return Corrupt("shapes: contents longer than a block");
    if (references > in.left()) return Corrupt("shapes: more references than bytes");
    shape.pointer_free = (contents & 1) != 0;
    shape.contents_bytes = static_cast<uint32_t>(contents >> 1);
    shape.references = static_cast<uint32_t>(references);
    shape.first_label = static_cast<uint32_t>(block.labels.size());
    uint32_t label = 0;
    for (uint64_t i = 0; i < references; ++i) {
      const uint64_t word = in.Varint();
      label += static_cast<uint32_t>(UnZigZag(word >> 2));
      if ((word & 3) == 1) last_target_type += UnZigZag(in.Varint());
      block.labels.push_back(label);
      block.target_types.push_back((word & 3) == 0 ? 0 : last_target_type);
    }
  }
  return in.ok() && in.left() == 0 ? Result<void>() : Corrupt("shapes: do not fill their column");
}

// Counts uses and targets, and checks that both can be there at all: `bytes` hold them.
Result<void> CountObjects(Block& block, uint64_t bytes, size_t* objects) {
  uint64_t targets = 0, contents = 0;
  for (Shape& shape : block.shapes) shape.uses = 0;
  for (const uint32_t op : block.ops) {
    if (op < kFirstShape) continue;
    Shape& shape = block.shapes[op - kFirstShape];
    ++shape.uses;
    ++*objects;
    targets += shape.references;
    contents += shape.contents_bytes;
    if (targets > bytes || contents / 8 > bytes) {
      return Corrupt("objects: more references or contents than bytes");
    }
  }
  block.targets.resize(targets);
  block.contents.resize(contents);
  return {};
}

Result<void> DecodeAddresses(ByteReader in, size_t objects, Block& block) {
  if (objects > in.left()) return Corrupt("addresses: fewer than objects");
  block.addresses.resize(objects);
  const uint8_t behind = in.Byte();
  if (behind > 1) return Corrupt("addresses: unknown kind " + std::to_string(behind));
  uint64_t expected = 0;
  size_t object = 0;
  for (const uint32_t op : block.ops) {
    if (op < kFirstShape) continue;
    const uint64_t address = expected + UnZigZag(in.Varint());
    block.addresses[object++] = address;
    expected = address + (behind != 0 ? block.shapes[op - kFirstShape].bytes : 0);
  }
  return in.ok() && in.left() == 0 ? Result<void>()
                                   : Corrupt("addresses: do not fill their column");
}

// The words of one column, where the caller puts them.
class Column {
 public:
  Column(ByteReader& in, uint32_t count) {
    first_ = in.Varint();
    width_ = in.Byte();
    count_ = count - 1;
    if (width_ < 1 || width_ > 8) return;
    planes_ = in.Bytes(uint64_t{width_} * count_);
    ok_ = in.ok();
  }
  bool ok() const { return ok_; }
  template <typename Put>
  void ForEach(const Put& put) const {
    uint64_t word = first_;
    put(0, word);
    for (uint32_t i = 0; i < count_; ++i) {
      uint64_t step = 0;
      for (uint32_t plane = 0; plane < width_; ++plane) {
        step |= static_cast<uint64_t>(static_cast<uint8_t>(planes_[plane * size_t{count_} + i]))
                << (8 * plane);
      }
      word += UnZigZag(step);
      put(i + 1, word);
    }
  }

 private:
  uint64_t first_ = 0;
  uint32_t width_ = 0, count_ = 0;
  std::string_view planes_;
  bool ok_ = false;
};

bool DecodeContents(ByteReader& in, const Shape& shape, const ObjectRow* rows, bool wanted,
                    Block& block) {
  if (!shape.contents_in_words()) {
    for (uint32_t i = 0; i < shape.uses; ++i) {
      const auto bytes = in.Bytes(shape.contents_bytes);
      if (wanted) bytes.copy(block.contents.data() + rows[i].contents, bytes.size());
    }
    return in.ok();
  }
  for (uint32_t at = 0; at < shape.contents_bytes; at += 8) {
    const Column column(in, shape.uses);
    if (!column.ok()) return false;
    if (!wanted) continue;
    column.ForEach([&](uint32_t i, uint64_t word) {
      std::memcpy(block.contents.data() + rows[i].contents + at, &word, 8);
    });
  }
  return true;
}

Result<void> DecodeColumns(ByteReader in, HeapSource::Wants wants,
                           const std::vector<uint32_t>& first_row,
                           const std::vector<ObjectRow>& rows, Block& block) {
  for (size_t s = 0; s < block.shapes.size(); ++s) {
    const Shape& shape = block.shapes[s];
    if (!InColumns(shape)) continue;
    const ObjectRow* of_shape = rows.data() + first_row[s];
    for (uint32_t slot = 0; slot < shape.references; ++slot) {
      const Column column(in, shape.uses);
      if (!column.ok()) return Corrupt("columns: targets of shape " + std::to_string(s));
      if (!wants.references) continue;
      column.ForEach(
          [&](uint32_t i, uint64_t word) { block.targets[of_shape[i].target + slot] = word; });
    }
    if (!DecodeContents(in, shape, of_shape, wants.contents, block)) {
      return Corrupt("columns: contents of shape " + std::to_string(s));
    }
  }
  return in.left() == 0 ? Result<void>() : Corrupt("columns: bytes left over");
}

}  // namespace

Result<void> DecodeBlock(std::string_view bytes, HeapSource::Wants wants, Block& block) {
  block.Clear();
  ByteReader in(bytes);
  const uint64_t ops = in.Varint(), shapes = in.Varint();
  uint64_t sizes[6];
  for (uint64_t& size : sizes) size = in.Varint();
  ByteReader columns[6];
  for (size_t i = 0; i < 6; ++i) columns[i] = ByteReader(in.Bytes(sizes[i]));
  if (!in.ok() || in.left() > 0) return Corrupt("columns do not fill the block");
  block.records = bytes.substr(bytes.size() - sizes[5]);
  TIDEMARK_RETURN_IF_ERROR(DecodeShapes(columns[1], shapes, block));
  TIDEMARK_RETURN_IF_ERROR(DecodeOps(columns[0], ops, shapes, block));
  size_t objects = 0;
  TIDEMARK_RETURN_IF_ERROR(CountObjects(block, sizes[3] + sizes[4], &objects));
  TIDEMARK_RETURN_IF_ERROR(DecodeAddresses(columns[2], objects, block));
  std::vector<uint32_t> first_row;
  std::vector<ObjectRow> rows;
  ByteReader& single = columns[3];
  SortRows(block, first_row, rows, [&](size_t object, const Shape& shape, const ObjectRow& row) {
    uint64_t target = block.addresses[object];
    for (uint32_t i = 0; i < shape.references; ++i) {
      block.targets[row.target + i] = target += UnZigZag(single.Varint());
    }
    single.Bytes(shape.contents_bytes)
        .copy(block.contents.data() + row.contents, shape.contents_bytes);
  });
  if (!single.ok() || single.left() > 0) return Corrupt("rows: do not fill their column");
  return DecodeColumns(columns[4], wants, first_row, rows, block);
}

}  // namespace tidemark::graphfile
