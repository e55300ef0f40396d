// The graph-only file, docs/formats/heap-graph.md: constants and the headers' bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace tidemark::graphfile {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the file is little-endian");

// A file: FileHeader, the source's format as text, a checksum; then blocks, the last one kEnd.
inline constexpr char kMagic[9] = "TMHGRAPH";
inline constexpr uint32_t kVersion = 1;
inline constexpr uint32_t kMaxFormatBytes = 255;

struct FileHeader {
  char magic[8];
  uint32_t version;
  uint32_t format_bytes;  // of the text behind, which a u64 checksum of both follows
};
static_assert(sizeof(FileHeader) == 16);

inline constexpr uint32_t kBlockMagic = 0x4b4c4254;  // "TBLK"

enum class BlockKind : uint32_t {
  kEvents = 1,  // one zstd frame
  kEnd = 2,     // not compressed: what the file must have held; without it the file is cut short
};

struct BlockHeader {
  uint32_t magic;
  BlockKind kind;
  uint32_t raw_bytes;
  uint32_t stored_bytes;
  uint64_t number;    // 0, 1, 2, ...
  uint64_t checksum;  // BlockChecksum
};
static_assert(sizeof(BlockHeader) == 32);

// Of the header before its checksum, and the stored bytes.
uint64_t BlockChecksum(const BlockHeader& header, std::string_view stored);

// The most that a reader takes for one block. Blocks as written have about 4 MB; one holder or
// object with very many references makes a larger one.
inline constexpr uint32_t kMaxRawBytes = 16u << 20;

// An object's or holder's references beyond this many are told apart.
inline constexpr size_t kMaxReferences = size_t{1} << 18;

// What an event is: one number each, in the order of the events.
enum Op : uint32_t {
  kType = 0,
  kRoot = 1,
  kHolder = 2,
  kReference = 3,
  kFact = 4,
  kName = 5,
  kNewShape = 15,    // an object of the next shape
  kFirstShape = 16,  // + n: an object of shape n
};

// A shape that this many objects of a block have keeps its targets in columns.
inline constexpr uint32_t kColumnUses = 8;

}  // namespace tidemark::graphfile
