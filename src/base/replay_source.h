// A source whose first bytes can be read again although it is a pipe.
#pragma once

#include "base/byte_source.h"

namespace tidemark {

// Rewinds like the source it wraps where that can; else it keeps the first `keep_bytes` and replays
// them, until Forget() or until more was read.
class ReplaySource : public ByteSource {
 public:
  ReplaySource(std::unique_ptr<ByteSource> source, size_t keep_bytes);

  Result<size_t> Read(std::span<std::byte> into) override;
  Result<void> Rewind() override;
  std::optional<uint64_t> size() const override { return source_->size(); }

  // No more Rewind of a pipe: what was kept is still replayed once.
  void Forget() { keep_bytes_ = 0; }
  // False: a pipe.
  bool rewinds() const { return rewinds_; }

 private:
  std::unique_ptr<ByteSource> source_;
  bool rewinds_;
  size_t keep_bytes_;
  std::vector<std::byte> kept_;
  size_t next_ = 0;       // of kept_
  bool complete_ = true;  // kept_ holds everything read so far
};

}  // namespace tidemark
