#include "base/gzip_source.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <future>
#include <string_view>

#include "base/replay_source.h"

namespace tidemark {
namespace {

constexpr int kGzipWindowBits = 15 + 16;  // 15-bit window, gzip wrapper (zlib.h, inflateInit2)
constexpr size_t kInputWindow = size_t{8} << 20;
constexpr size_t kSequentialInput = size_t{256} << 10;
constexpr size_t kMaxBlock = size_t{4} << 20;
constexpr size_t kBlocksAtATime = 4;
constexpr std::string_view kBlockComment = "HPROF BLOCKSIZE=";

// How members begin that deflateInit2 wrote without names: magic, deflate, no flags, no time; an
// eighth byte follows (level) and the system, 3.
constexpr std::string_view kPlainMember("\x1f\x8b\x08\x00\x00\x00\x00\x00", 8);

std::string_view Text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// One z_stream, ready for a member.
class Inflater {
 public:
  Inflater() { ready_ = inflateInit2(&stream_, kGzipWindowBits) == Z_OK; }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  bool Reset() { return ready_ && inflateReset(&stream_) == Z_OK; }
  // Status of zlib; takes from the front of `in` and of `out`.
  int Step(std::span<const std::byte>& in, std::span<std::byte>& out) {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(in.data()));
    stream_.avail_in = static_cast<uInt>(in.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(out.size());
    const int status = inflate(&stream_, Z_NO_FLUSH);
    in = in.last(stream_.avail_in);
    out = out.last(stream_.avail_out);
    return status;
  }
  std::string message() const { return stream_.msg != nullptr ? stream_.msg : "damaged"; }

 private:
  z_stream stream_{};
  bool ready_ = false;
};

// A member and what it inflates to.
struct Block {
  std::span<const std::byte> in;
  std::vector<std::byte> out;
  size_t size = 0;     // of what is in out
  bool exact = false;  // ended where the next one begins
};

void InflateBlock(Block& block) {
  Inflater inflater;
  if (!inflater.Reset()) return;
  auto in = block.in;
  std::span<std::byte> out(block.out);
  const int status = inflater.Step(in, out);
  block.size = block.out.size() - out.size();
  block.exact = status == Z_STREAM_END && in.empty();
}

class GzipSource : public ByteSource {
 public:
  explicit GzipSource(std::unique_ptr<ReplaySource> source) : source_(std::move(source)) {
    Restart();
  }

  Result<size_t> Read(std::span<std::byte> into) override {
    while (true) {
      if (ready_next_ < ready_.size()) return TakeReady(into);
      if (block_bytes_ == 0) return ReadSequential(into);
      TIDEMARK_RETURN_IF_ERROR(InflateBlocks());
    }
  }
  Result<void> Rewind() override {
    TIDEMARK_RETURN_IF_ERROR(source_->Rewind());
    Restart();
    return LookAtFirstMember();
  }
  std::optional<uint64_t> size() const override { return std::nullopt; }

  // Finds out whether the members are HotSpot's blocks.
  Result<void> LookAtFirstMember() {
    TIDEMARK_ASSIGN_OR_RETURN(const auto head, cursor_->Peek(64));
    const std::string_view text = Text(head.first(std::min<size_t>(head.size(), 64)));
    const size_t comment = text.find(kBlockComment);
    if (comment == std::string_view::npos) return {};
    uint64_t bytes = 0;
    for (size_t i = comment + kBlockComment.size(); i < text.size() && text[i] != '\0'; ++i) {
      if (text[i] < '0' || text[i] > '9' || bytes > kMaxBlock) return {};
      bytes = bytes * 10 + static_cast<uint64_t>(text[i] - '0');
    }
    if (bytes > 0 && bytes <= kMaxBlock) block_bytes_ = static_cast<size_t>(bytes);
    return {};
  }

 private:
  void Restart() {
    cursor_.emplace(*source_, kInputWindow + (size_t{1} << 20));
    block_bytes_ = 0;
    ready_.clear();
    ready_next_ = ready_offset_ = 0;
    in_member_ = false;
  }

  Result<size_t> TakeReady(std::span<std::byte> into) {
    const Block& block = ready_[ready_next_];
    const size_t count = std::min(into.size(), block.size - ready_offset_);
    std::copy_n(block.out.data() + ready_offset_, count, into.data());
    ready_offset_ += count;
    if (ready_offset_ == block.size) {
      ++ready_next_;
      ready_offset_ = 0;
    }
    return count;
  }

  // The next members whole, up to kBlocksAtATime: each ends where the next one's first bytes are
  // seen, or at the end of the source. A wrong guess shows when the member does not end there.
  static std::vector<Block> Cut(std::span<const std::byte> bytes, bool at_end) {
    std::vector<Block> blocks;
    const std::string_view text = Text(bytes);
    size_t begin = 0;
    while (begin < text.size() && blocks.size() < kBlocksAtATime) {
      size_t next = text.find(kPlainMember, begin + kPlainMember.size());
      if (next == std::string_view::npos) {
        if (!at_end) break;
        next = text.size();
      }
      blocks.push_back({bytes.subspan(begin, next - begin), {}, 0, false});
      begin = next;
    }
    return blocks;
  }

  Result<void> InflateBlocks() {
    ready_.clear();
    ready_next_ = ready_offset_ = 0;
    const size_t wanted = std::min(kInputWindow, kBlocksAtATime * (block_bytes_ + 1024));
    TIDEMARK_ASSIGN_OR_RETURN(const auto bytes, cursor_->Peek(wanted));
    std::vector<Block> blocks = Cut(bytes, bytes.size() < wanted);
    for (Block& block : blocks) block.out.resize(block_bytes_);
    const size_t half = blocks.size() / 2;
    auto other = std::async(half > 0 ? std::launch::async : std::launch::deferred, [&] {
      for (size_t i = 0; i < half; ++i) InflateBlock(blocks[i]);
    });
    for (size_t i = half; i < blocks.size(); ++i) InflateBlock(blocks[i]);
    other.get();
    size_t good = 0;
    while (good < blocks.size() && blocks[good].exact && blocks[good].size > 0) {
      cursor_->Advance(blocks[good].in.size());
      ++good;
    }
    if (good == 0) block_bytes_ = 0;  // not as promised: byte after byte from here
    blocks.resize(good);
    ready_ = std::move(blocks);
    return {};
  }

  Result<size_t> ReadSequential(std::span<std::byte> into) {
    if (into.empty()) return size_t{0};
    auto out = into;
    while (out.size() == into.size()) {
      TIDEMARK_ASSIGN_OR_RETURN(auto bytes, cursor_->Peek(1));
      if (bytes.empty()) {
        if (!in_member_) return size_t{0};
        return Corrupt("gzip: cut short at compressed offset " + std::to_string(cursor_->offset()));
      }
      if (!in_member_ && !inflater_.Reset()) return Internal("zlib refused to start");
      in_member_ = true;
      auto in = bytes.first(std::min(bytes.size(), kSequentialInput));
      const size_t before = in.size();
      const int status = inflater_.Step(in, out);
      cursor_->Advance(before - in.size());
      if (status == Z_STREAM_END) in_member_ = false;
      if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) {
        return Corrupt("gzip: " + inflater_.message() + " at compressed offset " +
                       std::to_string(cursor_->offset()));
      }
    }
    return into.size() - out.size();
  }

  std::unique_ptr<ReplaySource> source_;
  std::optional<ByteCursor> cursor_;
  size_t block_bytes_ = 0;  // 0: inflate byte after byte
  std::vector<Block> ready_;
  size_t ready_next_ = 0, ready_offset_ = 0;
  Inflater inflater_;
  bool in_member_ = false;
};

}  // namespace

Result<std::unique_ptr<ByteSource>> MaybeGunzip(std::unique_ptr<ByteSource> source) {
  auto replay = std::make_unique<ReplaySource>(std::move(source), 16);
  std::byte magic[2];
  size_t have = 0;
  while (have < sizeof magic) {
    TIDEMARK_ASSIGN_OR_RETURN(const size_t got, replay->Read(std::span(magic).subspan(have)));
    if (got == 0) break;
    have += got;
  }
  TIDEMARK_RETURN_IF_ERROR(replay->Rewind());
  replay->Forget();
  if (have < 2 || magic[0] != std::byte{0x1f} || magic[1] != std::byte{0x8b}) {
    return std::unique_ptr<ByteSource>(std::move(replay));
  }
  auto gzip = std::make_unique<GzipSource>(std::move(replay));
  TIDEMARK_RETURN_IF_ERROR(gzip->LookAtFirstMember());
  return std::unique_ptr<ByteSource>(std::move(gzip));
}

}  // namespace tidemark
