#include "telemetry/export_queue.h"

#include <algorithm>

namespace tidemark::sdk {
namespace {

constexpr size_t kLeastBytes = 256 << 10;
constexpr size_t kMetricsShare = 4;  // metrics may take this part of the room

}  // namespace

ExportQueue::ExportQueue(size_t max_bytes) : max_bytes_(std::max(max_bytes, kLeastBytes)) {}

size_t ExportQueue::limit() const {
  switch (pressure_) {
    case Pressure::kNone:
      return max_bytes_;
    case Pressure::kHigh:
      return max_bytes_ / 4;
    case Pressure::kCritical:
      return max_bytes_ / 16;
  }
  return max_bytes_;
}

void ExportQueue::Count(Rank rank, uint64_t items, bool pressed, Shed* shed) {
  if (rank == Rank::kMetrics) {
    (pressed ? shed->points_pressure : shed->points_full) += items;
  } else {
    (pressed ? shed->spans_pressure : shed->spans_full) += items;
  }
}

void ExportQueue::Evict(Rank rank, bool pressed, Shed* shed) {
  const Chunk& oldest = Line(rank).front();
  Count(rank, oldest.items, pressed, shed);
  (rank == Rank::kMetrics ? points_ : spans_) -= oldest.items;
  if (rank == Rank::kMetrics) metric_bytes_ -= oldest.cost;
  bytes_ -= oldest.cost;
  Line(rank).pop_front();
}

// Sheds chunks of ranks up to `rank` until `cost` more bytes fit; false when they cannot.
bool ExportQueue::MakeRoom(size_t cost, Rank rank, bool pressed, Shed* shed) {
  if (rank == Rank::kMetrics) {
    while (metric_bytes_ + cost > limit() / kMetricsShare && !Line(rank).empty()) {
      Evict(rank, pressed, shed);
    }
  }
  for (size_t i = 0; i <= static_cast<size_t>(rank);) {
    if (bytes_ + cost <= limit()) return true;
    if (lines_[i].empty()) {
      ++i;
    } else {
      Evict(static_cast<Rank>(i), pressed, shed);
    }
  }
  return bytes_ + cost <= limit();
}

void ExportQueue::SetPressure(Pressure pressure, Shed* shed) {
  pressure_ = pressure;
  if (pressure != Pressure::kNone) {
    while (!Line(Rank::kInner).empty()) Evict(Rank::kInner, true, shed);
  }
  MakeRoom(0, Rank::kMetrics, true, shed);
}

void ExportQueue::Push(Rank rank, std::string_view bytes, uint64_t items, Shed* shed) {
  const bool pressed = pressure_ != Pressure::kNone;
  if (pressed && rank == Rank::kInner) return Count(rank, items, true, shed);
  auto& line = Line(rank);
  if (line.empty() || line.back().bytes.capacity() - line.back().bytes.size() < bytes.size()) {
    const size_t cost = std::max(kChunkBytes, bytes.size()) + kOverheadBytes;
    // What would push everything else out to no avail is not let in.
    if (cost > limit() || !MakeRoom(cost, rank, pressed, shed)) {
      return Count(rank, items, pressed, shed);
    }
    Chunk chunk;
    chunk.bytes.reserve(cost - kOverheadBytes);
    chunk.cost = cost;
    line.push_back(std::move(chunk));
    bytes_ += cost;
    if (rank == Rank::kMetrics) metric_bytes_ += cost;
    peak_bytes_ = std::max(peak_bytes_, bytes_);
  }
  line.back().bytes.append(bytes);
  line.back().items += items;
  (rank == Rank::kMetrics ? points_ : spans_) += items;
}

Batch ExportQueue::Take(bool metrics, size_t max_bytes) {
  Batch batch;
  batch.metrics = metrics;
  const size_t top = static_cast<size_t>(metrics ? Rank::kMetrics : Rank::kError) + 1;
  const size_t bottom = metrics ? static_cast<size_t>(Rank::kMetrics) : 0;
  for (size_t i = top; i-- > bottom;) {
    while (!lines_[i].empty()) {
      Chunk& chunk = lines_[i].front();
      if (batch.items != 0 && batch.bytes.size() + chunk.bytes.size() > max_bytes) return batch;
      batch.bytes += chunk.bytes;
      batch.items += chunk.items;
      batch.charged += chunk.cost;
      (metrics ? points_ : spans_) -= chunk.items;
      if (metrics) metric_bytes_ -= chunk.cost;
      lines_[i].pop_front();
    }
  }
  return batch;
}

void ExportQueue::Release(size_t charged) { bytes_ -= charged; }

bool ExportQueue::Has(bool metrics) const { return (metrics ? points_ : spans_) != 0; }

std::pair<uint64_t, uint64_t> ExportQueue::Clear() {
  const std::pair left(spans_, points_);
  for (auto& line : lines_) {
    for (const Chunk& chunk : line) bytes_ -= chunk.cost;
    line.clear();
  }
  metric_bytes_ = 0;
  spans_ = points_ = 0;
  return left;
}

}  // namespace tidemark::sdk
