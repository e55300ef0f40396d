#include "base/gunzip_source.h"

#include <zlib.h>

#include <algorithm>

namespace tidemark {
namespace {

constexpr int kGzipWindowBits = 15 + 16;  // 15-bit window, gzip wrapper (zlib.h, inflateInit2)
constexpr size_t kInputBytes = size_t{256} << 10;
constexpr size_t kMaxStep = size_t{1} << 30;  // zlib counts in unsigned int

class Gunzip : public ByteSource {
 public:
  explicit Gunzip(std::unique_ptr<ByteSource> compressed)
      : compressed_(std::move(compressed)), input_(kInputBytes) {
    started_ = inflateInit2(&stream_, kGzipWindowBits) == Z_OK;
  }
  ~Gunzip() override {
    if (started_) inflateEnd(&stream_);
  }

  Result<size_t> Read(std::span<std::byte> into) override {
    if (!started_) return TooLarge("no memory for zlib");
    if (into.empty() || ended_) return size_t{0};
    stream_.next_out = reinterpret_cast<Bytef*>(into.data());
    const auto room = static_cast<uInt>(std::min(into.size(), kMaxStep));
    stream_.avail_out = room;
    while (stream_.avail_out == room && !ended_) {
      TIDEMARK_RETURN_IF_ERROR(Refill());
      if (between_members_) {
        TIDEMARK_RETURN_IF_ERROR(NextMember());
        continue;
      }
      const int status = inflate(&stream_, Z_NO_FLUSH);
      if (status == Z_STREAM_END) {
        between_members_ = true;
      } else if (status != Z_OK && !(status == Z_BUF_ERROR && !input_ended_)) {
        return Damaged(stream_.msg != nullptr ? stream_.msg : "cut short");
      }
    }
    return static_cast<size_t>(room - stream_.avail_out);
  }

  Result<void> Rewind() override {
    TIDEMARK_RETURN_IF_ERROR(compressed_->Rewind());
    inflateReset(&stream_);
    stream_.avail_in = 0;
    taken_ = 0;
    input_ended_ = ended_ = between_members_ = false;
    return {};
  }

  std::optional<uint64_t> size() const override { return std::nullopt; }

 private:
  Result<void> Refill() {
    if (stream_.avail_in > 0 || input_ended_) return {};
    TIDEMARK_ASSIGN_OR_RETURN(const size_t got, compressed_->Read(input_));
    stream_.next_in = reinterpret_cast<Bytef*>(input_.data());
    stream_.avail_in = static_cast<uInt>(got);
    taken_ += got;
    input_ended_ = got == 0;
    return {};
  }

  Result<void> NextMember() {
    while (stream_.avail_in > 0 && *stream_.next_in == 0) {
      ++stream_.next_in;
      --stream_.avail_in;
    }
    if (stream_.avail_in == 0) {
      ended_ = input_ended_;
      return {};
    }
    if (*stream_.next_in != 0x1f) return Damaged("what follows a member is no gzip");
    inflateReset(&stream_);
    between_members_ = false;
    return {};
  }

  Error Damaged(const std::string& how) const {
    return Corrupt("gzip stream damaged at byte " + std::to_string(taken_ - stream_.avail_in) +
                   ": " + how);
  }

  std::unique_ptr<ByteSource> compressed_;
  std::vector<std::byte> input_;
  z_stream stream_{};
  uint64_t taken_ = 0;  // bytes of the compressed source handed to zlib
  bool started_ = false, input_ended_ = false, ended_ = false, between_members_ = false;
};

}  // namespace

std::unique_ptr<ByteSource> GunzipSource(std::unique_ptr<ByteSource> compressed) {
  return std::make_unique<Gunzip>(std::move(compressed));
}

}  // namespace tidemark
