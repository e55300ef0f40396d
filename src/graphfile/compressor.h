// Turns blocks into the file's bytes on a thread of its own.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/result.h"
#include "graphfile/block.h"
#include "graphfile/format.h"
#include "graphfile/graph_writer.h"

struct ZSTD_CCtx_s;

namespace tidemark::graphfile {

// Double buffering: while one block is compressed and written, the caller fills another.
class Compressor {
 public:
  // Writes the file's header at once.
  Compressor(WriteBytes write, const GraphWriterOptions& options);
  ~Compressor();

  // Hands over a full block; the empty one comes back. Waits for the block before it.
  void Submit(std::unique_ptr<Block>& block);
  // Writes the end with `payload` after all that was submitted. Once, last.
  Result<void> Finish(const std::string& payload);
  bool failed() const;
  // After Finish.
  uint64_t written_bytes() const { return written_bytes_; }
  uint64_t blocks() const { return number_; }

 private:
  void Run();
  void WriteBlock(BlockKind kind, std::string_view raw, std::string_view stored);
  void Compress(Block& block);
  void Write(std::string_view bytes);

  const WriteBytes write_;
  ZSTD_CCtx_s* const zstd_;
  // The thread's own.
  std::string raw_, stored_;
  uint64_t written_bytes_ = 0, number_ = 0;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  // Under mutex_:
  std::unique_ptr<Block> empty_ = std::make_unique<Block>();
  std::unique_ptr<Block> full_;
  bool stop_ = false;
  std::optional<Error> error_;  // the first

  std::thread thread_;
};

}  // namespace tidemark::graphfile
