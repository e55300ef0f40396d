#include "base/gzip.h"

#include <zlib.h>

#include <algorithm>

namespace tidemark {
namespace {

constexpr int kGzipWindowBits = 15 + 16;  // 15-bit window, gzip wrapper (zlib.h, inflateInit2)
constexpr size_t kFirstChunk = 64 * 1024;

// Ends the inflate state on every way out.
struct InflateGuard {
  z_stream* stream;
  ~InflateGuard() { inflateEnd(stream); }
};

}  // namespace

bool LooksLikeGzip(std::string_view bytes) {
  return bytes.size() >= 2 && bytes[0] == '\x1f' && bytes[1] == '\x8b';
}

Result<std::string> Gunzip(std::string_view bytes, size_t max_bytes) {
  z_stream stream{};
  if (inflateInit2(&stream, kGzipWindowBits) != Z_OK) return Internal("zlib refused to start");
  const InflateGuard guard{&stream};
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());

  std::string out;
  for (;;) {
    // One byte beyond the limit is asked for, so that a stream of exactly max_bytes still ends
    // well.
    const size_t used = out.size();
    const size_t room = std::min(std::max(kFirstChunk, used), max_bytes + 1 - used);
    out.resize(used + room);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + used);
    stream.avail_out = static_cast<uInt>(room);
    const int status = inflate(&stream, Z_NO_FLUSH);
    out.resize(used + room - stream.avail_out);
    if (out.size() > max_bytes) {
      return TooLarge("gzip body inflates to more than " + std::to_string(max_bytes) + " bytes");
    }
    if (status == Z_STREAM_END) {
      if (stream.avail_in == 0) return out;
      if (inflateReset(&stream) != Z_OK) return Internal("zlib refused to go on");
      continue;
    }
    if (status != Z_OK || (stream.avail_in == 0 && stream.avail_out != 0)) {
      return InvalidArgument("gzip stream damaged at byte " + std::to_string(stream.total_in) +
                             " of " + std::to_string(bytes.size()) + ": " +
                             (stream.msg != nullptr ? stream.msg : "cut short"));
    }
  }
}

std::string Gzip(std::string_view bytes, int level) {
  z_stream stream{};
  if (deflateInit2(&stream, level, Z_DEFLATED, kGzipWindowBits, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    return {};
  }
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

}  // namespace tidemark
