#include "graphfile/block_stream.h"

#include <zstd.h>

#include <cstring>

namespace tidemark::graphfile {
namespace {

std::string_view AsText(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Result<void> CheckHeader(const BlockHeader& header, uint64_t number) {
  if (header.magic != kBlockMagic) {
    return Corrupt("no block begins here (magic " + std::to_string(header.magic) + ")");
  }
  if (header.kind != BlockKind::kEvents && header.kind != BlockKind::kEnd) {
    return Corrupt("unknown kind " + std::to_string(static_cast<uint32_t>(header.kind)));
  }
  if (header.raw_bytes > kMaxRawBytes || header.stored_bytes > kMaxRawBytes) {
    return Corrupt("larger than the limit: " + std::to_string(header.raw_bytes) + " bytes, " +
                   std::to_string(header.stored_bytes) + " stored, at most " +
                   std::to_string(kMaxRawBytes));
  }
  if (header.number != number) {
    return Corrupt("has the number " + std::to_string(header.number) + ": blocks are missing");
  }
  return {};
}

}  // namespace

BlockStream::BlockStream(ByteCursor& cursor, heapgraph::HeapSource::Wants wants)
    : cursor_(cursor), wants_(wants), zstd_(ZSTD_createDCtx()) {
  thread_ = std::thread([this] { Run(); });
}

BlockStream::~BlockStream() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
  ZSTD_freeDCtx(zstd_);
}

std::unique_ptr<ReadBlock> BlockStream::Next(std::unique_ptr<ReadBlock> done) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return ready_ != nullptr; });
  std::unique_ptr<ReadBlock> block = std::move(ready_);
  empty_ = done != nullptr ? std::move(done) : std::make_unique<ReadBlock>();
  changed_.notify_all();
  return block;
}

void BlockStream::Run() {
  bool last = false;
  std::unique_lock lock(mutex_);
  while (!last) {
    changed_.wait(lock, [this] { return stop_ || (empty_ != nullptr && ready_ == nullptr); });
    if (stop_) return;
    std::unique_ptr<ReadBlock> block = std::move(empty_);
    lock.unlock();
    ReadOne(*block);
    last = block->kind == BlockKind::kEnd || !block->damage.empty();
    lock.lock();
    ready_ = std::move(block);
    changed_.notify_all();
  }
}

void BlockStream::ReadOne(ReadBlock& block) {
  block.number = number_;
  block.offset = cursor_.offset();
  block.kind = BlockKind::kEvents;
  block.damage.clear();
  if (const auto read = TryReadOne(block); !read) block.damage = read.error().message;
  block.end_offset = cursor_.offset();
  ++number_;
}

Result<void> BlockStream::TryReadOne(ReadBlock& block) {
  BlockHeader header;
  TIDEMARK_ASSIGN_OR_RETURN(auto bytes, cursor_.Peek(sizeof header));
  if (bytes.empty()) return Corrupt("the file is cut short: it has no end marker");
  if (bytes.size() < sizeof header) return Corrupt("the file is cut short within a block's header");
  std::memcpy(&header, bytes.data(), sizeof header);
  TIDEMARK_RETURN_IF_ERROR(CheckHeader(header, number_));
  const size_t whole = sizeof header + header.stored_bytes;
  TIDEMARK_ASSIGN_OR_RETURN(bytes, cursor_.Peek(whole));
  if (bytes.size() < whole) {
    return Corrupt("the file is cut short: " + std::to_string(bytes.size()) + " of " +
                   std::to_string(whole) + " bytes are there");
  }
  const std::string_view stored = AsText(bytes.first(whole)).substr(sizeof header);
  if (BlockChecksum(header, stored) != header.checksum) return Corrupt("fails its checksum");
  block.kind = header.kind;
  TIDEMARK_RETURN_IF_ERROR(Decode(header, stored, block));
  cursor_.Advance(whole);
  return {};
}

Result<void> BlockStream::Decode(const BlockHeader& header, std::string_view stored,
                                 ReadBlock& block) {
  if (header.kind == BlockKind::kEnd) {
    block.end = stored;
    return {};
  }
  raw_.resize(header.raw_bytes);
  const size_t size =
      ZSTD_decompressDCtx(zstd_, raw_.data(), raw_.size(), stored.data(), stored.size());
  if (ZSTD_isError(size) != 0) return Corrupt(std::string("zstd: ") + ZSTD_getErrorName(size));
  if (size != raw_.size()) {
    return Corrupt("has " + std::to_string(size) + " bytes, not " + std::to_string(raw_.size()));
  }
  return DecodeBlock(raw_, wants_, block.events);
}

}  // namespace tidemark::graphfile
