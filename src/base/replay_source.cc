#include "base/replay_source.h"

#include <algorithm>

namespace tidemark {

ReplaySource::ReplaySource(std::unique_ptr<ByteSource> source, size_t keep_bytes)
    : source_(std::move(source)),
      rewinds_(source_->Rewind().has_value()),
      keep_bytes_(rewinds_ ? 0 : keep_bytes) {}

Result<size_t> ReplaySource::Read(std::span<std::byte> into) {
  if (next_ < kept_.size()) {
    const size_t count = std::min(into.size(), kept_.size() - next_);
    std::copy_n(kept_.data() + next_, count, into.data());
    next_ += count;
    if (keep_bytes_ == 0 && next_ == kept_.size()) {
      kept_ = {};
      next_ = 0;
      complete_ = false;
    }
    return count;
  }
  TIDEMARK_ASSIGN_OR_RETURN(const size_t got, source_->Read(into));
  if (rewinds_ || got == 0) return got;
  if (complete_ && kept_.size() + got <= keep_bytes_) {
    kept_.insert(kept_.end(), into.begin(), into.begin() + static_cast<ptrdiff_t>(got));
    next_ = kept_.size();
  } else {
    complete_ = false;
    kept_ = {};
    next_ = 0;
  }
  return got;
}

Result<void> ReplaySource::Rewind() {
  if (rewinds_) return source_->Rewind();
  if (!complete_ || keep_bytes_ == 0) return InvalidArgument("a pipe can be read only once");
  next_ = 0;
  return {};
}

}  // namespace tidemark
