#include "graphfile/compressor.h"

#include <zstd.h>

#include <algorithm>

#include "base/hash.h"
#include "graphfile/format.h"

namespace tidemark::graphfile {
namespace {

template <typename T>
std::string_view BytesOf(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof(value)};
}

}  // namespace

Compressor::Compressor(WriteBytes write, const GraphWriterOptions& options)
    : write_(std::move(write)), zstd_(ZSTD_createCCtx()) {
  ZSTD_CCtx_setParameter(zstd_, ZSTD_c_compressionLevel, std::clamp(options.level, 1, 19));
  ZSTD_CCtx_setParameter(zstd_, ZSTD_c_checksumFlag, 0);  // the block has one of its own
  FileHeader header{};
  std::copy_n(kMagic, sizeof header.magic, header.magic);
  header.version = kVersion;
  const std::string_view format =
      std::string_view(options.source_format).substr(0, kMaxFormatBytes);
  header.format_bytes = static_cast<uint32_t>(format.size());
  std::string bytes(BytesOf(header));
  bytes += format;
  bytes += BytesOf(Hash64(bytes));
  Write(bytes);
  thread_ = std::thread([this] { Run(); });
}

Compressor::~Compressor() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  ZSTD_freeCCtx(zstd_);
}

void Compressor::Submit(std::unique_ptr<Block>& block) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return empty_ != nullptr; });
  full_ = std::move(block);
  block = std::move(empty_);
  changed_.notify_all();
}

Result<void> Compressor::Finish(const std::string& payload) {
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return empty_ != nullptr; });
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
  WriteBlock(BlockKind::kEnd, payload, payload);
  if (error_) return *error_;
  return {};
}

bool Compressor::failed() const {
  const std::lock_guard lock(mutex_);
  return error_.has_value();
}

void Compressor::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stop_ || full_ != nullptr; });
    if (full_ == nullptr) return;
    std::unique_ptr<Block> block = std::move(full_);
    const bool failed = error_.has_value();
    lock.unlock();
    if (!failed) Compress(*block);
    block->Clear();
    lock.lock();
    empty_ = std::move(block);
    changed_.notify_all();
  }
}

void Compressor::Compress(Block& block) {
  EncodeBlock(block, raw_);
  stored_.resize(ZSTD_compressBound(raw_.size()));
  const size_t size =
      ZSTD_compress2(zstd_, stored_.data(), stored_.size(), raw_.data(), raw_.size());
  if (ZSTD_isError(size) != 0) {
    const std::lock_guard lock(mutex_);
    error_ = Internal(std::string("zstd: ") + ZSTD_getErrorName(size));
    return;
  }
  WriteBlock(BlockKind::kEvents, raw_, std::string_view(stored_).substr(0, size));
}

void Compressor::WriteBlock(BlockKind kind, std::string_view raw, std::string_view stored) {
  BlockHeader header{};
  header.magic = kBlockMagic;
  header.kind = kind;
  header.raw_bytes = static_cast<uint32_t>(raw.size());
  header.stored_bytes = static_cast<uint32_t>(stored.size());
  header.number = number_++;
  header.checksum = BlockChecksum(header, stored);
  Write(BytesOf(header));
  Write(stored);
}

void Compressor::Write(std::string_view bytes) {
  if (failed()) return;
  const auto written = write_(std::as_bytes(std::span(bytes)));
  if (written) {
    written_bytes_ += bytes.size();
    return;
  }
  const std::lock_guard lock(mutex_);
  error_ = written.error();
}

uint64_t BlockChecksum(const BlockHeader& header, std::string_view stored) {
  const uint64_t seed = Hash64(BytesOf(header).substr(0, offsetof(BlockHeader, checksum)));
  return Hash64(stored, seed);
}

}  // namespace tidemark::graphfile
