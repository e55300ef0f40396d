// The blocks of a file, decoded ahead by a thread.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/byte_source.h"
#include "base/result.h"
#include "graphfile/block.h"
#include "graphfile/format.h"

struct ZSTD_DCtx_s;

namespace tidemark::graphfile {

// A block and where it lies. Also the end, with its payload, or what is wrong instead of a block.
struct ReadBlock {
  Block events;
  BlockKind kind = BlockKind::kEvents;
  std::string end;     // of kEnd
  std::string damage;  // "" = fine
  uint64_t number = 0;
  uint64_t offset = 0;      // of its header
  uint64_t end_offset = 0;  // of the byte behind it
};

// Belongs to one thread; the cursor is the stream's while it lives.
class BlockStream {
 public:
  BlockStream(ByteCursor& cursor, heapgraph::HeapSource::Wants wants);
  ~BlockStream();
  // The next block, in exchange for one that is done with (nullptr the first time). After the end
  // or damage it must not be called again.
  std::unique_ptr<ReadBlock> Next(std::unique_ptr<ReadBlock> done);

 private:
  void Run();
  void ReadOne(ReadBlock& block);
  Result<void> TryReadOne(ReadBlock& block);
  Result<void> Decode(const BlockHeader& header, std::string_view stored, ReadBlock& block);

  ByteCursor& cursor_;
  const heapgraph::HeapSource::Wants wants_;
  ZSTD_DCtx_s* const zstd_;
  uint64_t number_ = 0;
  std::string raw_;

  std::mutex mutex_;
  std::condition_variable changed_;
  // Under mutex_:
  std::unique_ptr<ReadBlock> empty_ = std::make_unique<ReadBlock>();
  std::unique_ptr<ReadBlock> ready_;
  bool stop_ = false;

  std::thread thread_;
};

}  // namespace tidemark::graphfile
