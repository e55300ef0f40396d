// Rows to columns. A column of 64-bit words holds the differences from one object of a shape to the
// next, byte plane by byte plane: in a leak they are nearly constant, and zstd removes them.
#include <bit>
#include <cstring>

#include "graphfile/block.h"
#include "graphfile/block_columns.h"
#include "graphfile/varint.h"

namespace tidemark::graphfile {
namespace {

void CountUses(Block& block) {
  for (Shape& shape : block.shapes) shape.uses = 0;
  for (const uint32_t op : block.ops) {
    if (op >= kFirstShape) ++block.shapes[op - kFirstShape].uses;
  }
}

void EncodeOps(const Block& block, std::string& out) {
  uint32_t next = kFirstShape;
  for (const uint32_t op : block.ops) {
    PutVarint(out, op == next ? uint32_t{kNewShape} : op);
    if (op == next) ++next;
  }
}

void EncodeShapes(const Block& block, std::string& out) {
  uint64_t last_type = 0, last_target_type = 0;
  for (const Shape& shape : block.shapes) {
    PutVarint(out, shape.bytes);
    PutVarint(out, ZigZag(shape.type - last_type));
    PutVarint(out, uint64_t{shape.contents_bytes} << 1 | (shape.pointer_free ? 1 : 0));
    PutVarint(out, shape.references);
    last_type = shape.type;
    uint32_t last_label = 0;
    for (uint32_t i = 0; i < shape.references; ++i) {
      const uint32_t label = block.labels[shape.first_label + i];
      const uint64_t type = block.target_types[shape.first_label + i];
      const auto step = static_cast<int32_t>(label - last_label);
      // Bit 0: a type of its own follows; bit 1: that of the last that had one.
      const uint64_t flags = type == 0 ? 0 : type == last_target_type ? 2 : 1;
      PutVarint(out, ZigZag(static_cast<uint64_t>(int64_t{step})) << 2 | flags);
      if (flags == 1) PutVarint(out, ZigZag(type - last_target_type));
      if (flags != 0) last_target_type = type;
      last_label = label;
    }
  }
}

// Each by its distance from where it is expected: behind the object before it, or (V8's ids) at it.
void EncodeAddresses(const Block& block, bool behind, std::string& out) {
  out.push_back(behind ? 1 : 0);
  uint64_t expected = 0;
  size_t object = 0;
  for (const uint32_t op : block.ops) {
    if (op < kFirstShape) continue;
    const uint64_t address = block.addresses[object++];
    PutVarint(out, ZigZag(address - expected));
    expected = address + (behind ? block.shapes[op - kFirstShape].bytes : 0);
  }
}

// Whether the distances take fewer bits from behind the objects.
bool ExpectBehind(const Block& block) {
  uint64_t at = 0, behind = 0;  // bits
  size_t object = 0;
  uint64_t last = 0, last_bytes = 0;
  for (const uint32_t op : block.ops) {
    if (op < kFirstShape) continue;
    const uint64_t step = block.addresses[object++] - last;
    at += static_cast<uint64_t>(std::bit_width(ZigZag(step)));
    behind += static_cast<uint64_t>(std::bit_width(ZigZag(step - last_bytes)));
    last += step;
    last_bytes = block.shapes[op - kFirstShape].bytes;
  }
  return behind <= at;
}

// First word, width of the differences in bytes, then their planes, lowest first.
void AppendColumn(std::vector<uint64_t>& words, std::string& out) {
  PutVarint(out, words[0]);
  uint64_t all = 0;
  for (size_t i = words.size() - 1; i > 0; --i) {
    words[i] = ZigZag(words[i] - words[i - 1]);
    all |= words[i];
  }
  size_t width = 1;
  while (width < 8 && all >> (8 * width) != 0) ++width;
  out.push_back(static_cast<char>(width));
  const size_t count = words.size() - 1;
  const size_t begin = out.size();
  out.resize(begin + width * count);
  for (size_t plane = 0; plane < width; ++plane) {
    char* to = out.data() + begin + plane * count;
    for (size_t i = 0; i < count; ++i) to[i] = static_cast<char>(words[i + 1] >> (8 * plane));
  }
}

void EncodeColumns(const Block& block, const std::vector<uint32_t>& first_row,
                   const std::vector<ObjectRow>& rows, std::string& out) {
  std::vector<uint64_t> words;
  for (size_t s = 0; s < block.shapes.size(); ++s) {
    const Shape& shape = block.shapes[s];
    if (!InColumns(shape)) continue;
    const ObjectRow* of_shape = rows.data() + first_row[s];
    words.resize(shape.uses);
    for (uint32_t slot = 0; slot < shape.references; ++slot) {
      words.resize(shape.uses);
      for (uint32_t i = 0; i < shape.uses; ++i) words[i] = block.targets[of_shape[i].target + slot];
      AppendColumn(words, out);
    }
    if (!shape.contents_in_words()) {
      for (uint32_t i = 0; i < shape.uses; ++i) {
        out.append(block.contents, of_shape[i].contents, shape.contents_bytes);
      }
      continue;
    }
    for (uint32_t at = 0; at < shape.contents_bytes; at += 8) {
      for (uint32_t i = 0; i < shape.uses; ++i) {
        std::memcpy(&words[i], block.contents.data() + of_shape[i].contents + at, 8);
      }
      AppendColumn(words, out);
    }
  }
}

}  // namespace

void Block::Clear() {
  ops.clear();
  shapes.clear();
  labels.clear();
  target_types.clear();
  addresses.clear();
  targets.clear();
  contents.clear();
  records.clear();
}

void EncodeBlock(Block& block, std::string& out) {
  CountUses(block);
  std::string columns[6];
  EncodeOps(block, columns[0]);
  EncodeShapes(block, columns[1]);
  EncodeAddresses(block, ExpectBehind(block), columns[2]);
  std::vector<uint32_t> first_row;
  std::vector<ObjectRow> rows;
  std::string& single = columns[3];
  SortRows(block, first_row, rows, [&](size_t object, const Shape& shape, const ObjectRow& row) {
    uint64_t last = block.addresses[object];
    for (uint32_t i = 0; i < shape.references; ++i) {
      const uint64_t target = block.targets[row.target + i];
      PutVarint(single, ZigZag(target - last));
      last = target;
    }
    single.append(block.contents, row.contents, shape.contents_bytes);
  });
  EncodeColumns(block, first_row, rows, columns[4]);
  columns[5].swap(block.records);
  out.clear();
  PutVarint(out, block.ops.size());
  PutVarint(out, block.shapes.size());
  for (const std::string& column : columns) PutVarint(out, column.size());
  for (const std::string& column : columns) out += column;
  columns[5].swap(block.records);
}

}  // namespace tidemark::graphfile
