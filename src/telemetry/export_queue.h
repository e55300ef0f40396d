// What waits to be sent: encoded items in chunks, one line for each rank, bounded in bytes.
//
//   kMetrics  [chunk][chunk]                    Take: from the top rank down, oldest first
//   kError    [chunk]
//   kRoot     [chunk][chunk]
//   kInner    [chunk][chunk][chunk]             shed: from the bottom rank up, oldest first
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>

namespace tidemark::sdk {

enum class Rank : uint8_t { kInner, kRoot, kError, kMetrics };
inline constexpr size_t kRanks = 4;

enum class Pressure : uint8_t { kNone, kHigh, kCritical };

// Items lost to the bound.
struct Shed {
  uint64_t spans_full = 0, spans_pressure = 0, points_full = 0, points_pressure = 0;
};

struct Batch {
  bool metrics = false;
  std::string bytes;  // the items, joined
  uint64_t items = 0;
  size_t charged = 0;  // counted in bytes() until Release
};

// Not thread-safe. Nothing is let in beyond the limit; what is taken counts until it is released.
class ExportQueue {
 public:
  explicit ExportQueue(size_t max_bytes);

  // A quarter and a sixteenth of the room; sheds what no longer fits.
  void SetPressure(Pressure pressure, Shed* shed);

  // Appends an encoded message of `items` items. One that is larger than the whole room is shed.
  void Push(Rank rank, std::string_view bytes, uint64_t items, Shed* shed);

  // Whole chunks from the top rank down, of spans or of metrics, at most `max_bytes` (one chunk at
  // least). No items when there are none.
  Batch Take(bool metrics, size_t max_bytes);
  void Release(size_t charged);

  bool Has(bool metrics) const;
  // Throws everything away; returns items of spans and of points.
  std::pair<uint64_t, uint64_t> Clear();

  uint64_t spans() const { return spans_; }    // waiting
  uint64_t points() const { return points_; }  // waiting
  size_t bytes() const { return bytes_; }
  size_t peak_bytes() const { return peak_bytes_; }
  size_t limit() const;

  static constexpr size_t kChunkBytes = 16 << 10;
  static constexpr size_t kOverheadBytes =
      128;  // of a chunk: its place in the line and in the heap

 private:
  struct Chunk {
    std::string bytes;
    uint64_t items = 0;
    size_t cost = 0;
  };

  bool MakeRoom(size_t cost, Rank rank, bool pressed, Shed* shed);
  void Evict(Rank rank, bool pressed, Shed* shed);
  void Count(Rank rank, uint64_t items, bool pressed, Shed* shed);
  std::deque<Chunk>& Line(Rank rank) { return lines_[static_cast<size_t>(rank)]; }

  const size_t max_bytes_;
  Pressure pressure_ = Pressure::kNone;
  std::array<std::deque<Chunk>, kRanks> lines_;
  size_t bytes_ = 0, metric_bytes_ = 0, peak_bytes_ = 0;
  uint64_t spans_ = 0, points_ = 0;
};

}  // namespace tidemark::sdk
