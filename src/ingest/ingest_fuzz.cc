// Any sequence of spans and points, at any times, leaves the state of a shard within its bounds.
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "ingest/memory_metrics.h"
#include "ingest/span_index.h"
#include "ingest/span_summary.h"

namespace tidemark {
namespace {

// Takes values off the front of the input; zeros when it has ended.
class Input {
 public:
  Input(const uint8_t* data, size_t size) : data_(data), size_(size) {}
  bool empty() const { return size_ == 0; }

  template <typename T>
  T Take() {
    T value{};
    const size_t n = std::min(sizeof(T), size_);
    std::memcpy(&value, data_, n);
    data_ += n;
    size_ -= n;
    return value;
  }

  // Mostly near a date of our days, sometimes anything.
  int64_t TakeTime() {
    const auto mode = Take<uint8_t>();
    if (mode >= 240) return Take<int64_t>();
    return 1'700'000'000 * kNsPerSecond + Take<int32_t>() * (mode % 2 ? 1000LL : kNsPerSecond);
  }

 private:
  const uint8_t* data_;
  size_t size_;
};

constexpr size_t kIndexBytes = 512 << 10;

void Check(bool holds) {
  if (!holds) std::abort();
}

struct Shard {
  EventClock clock;
  MemoryMetrics metrics{{.max_targets = 8, .max_parts = 4}};
  SpanIndex index{{.max_bytes = kIndexBytes, .max_routes_per_target = 4, .max_route_length = 8}};
  SpanSummary summary{{.max_bytes = 64 << 10, .max_targets = 4, .max_routes_per_target = 4}};

  Target TakeTarget(Input* input) {
    return {"s", "", "1", std::to_string(input->Take<uint8_t>() % 16)};
  }

  void AddSpan(Input* input) {
    const Target target = TakeTarget(input);
    Span span;
    span.span_id = SpanId{input->Take<uint16_t>()};
    span.parent_id = SpanId{input->Take<uint8_t>()};
    span.name = std::string(input->Take<uint8_t>() % 12, static_cast<char>(input->Take<uint8_t>()));
    span.start_ns = input->TakeTime();
    span.end_ns = input->Take<uint8_t>() % 4 == 0 ? input->TakeTime() : span.start_ns;
    if (index.Add(IdOf(target), span)) {
      Check(index.Find(span.span_id).has_value());
      summary.Add(target, span);
    }
    Check(index.memory_bytes() <= kIndexBytes);
    Check(index.RecentTraces(IdOf(target), "", 3).size() <= 3);
  }

  void AddPoints(Input* input) {
    MetricBatch batch;
    batch.resource.target = TakeTarget(input);
    if (input->Take<uint8_t>() % 2) batch.resource.attributes = {{"process.pid", "7"}};
    const auto table = MetricTable();
    for (int n = input->Take<uint8_t>() % 8; n > 0; --n) {
      Point point;
      const MetricRow& row = table[input->Take<uint8_t>() % table.size()];
      point.metric = std::string(row.name);
      // One of the values that the row asks for, so that it matches at times.
      for (const AttributeRule& rule : row.rules) {
        if (rule.key.empty()) continue;
        const auto values = rule.values.substr(0, rule.values.find('|'));
        point.attributes.emplace_back(rule.key, values);
      }
      point.attributes.emplace_back("part", std::to_string(input->Take<uint8_t>() % 6));
      point.time_ns = input->TakeTime();
      point.value = input->Take<double>();
      batch.points.push_back(std::move(point));
    }
    for (const CanonicalPoint& point : metrics.Feed(batch)) {
      Check(std::isfinite(point.value) && point.value >= 0 && point.time_ns > 0);
    }
    Check(metrics.targets() <= 8);
  }

  void Advance(Input* input) {
    clock.Observe(input->TakeTime(), input->TakeTime());
    const int64_t time_ns = input->TakeTime();
    index.Advance(time_ns);
    const auto points = summary.Advance(time_ns);
    Check(points.size() <= 2 * 4 * SpanActivity::kSeconds);
    for (const CanonicalPoint& point : points) Check(std::isfinite(point.value));
    for (const auto& route : summary.RequestsAt(IdOf(TakeTarget(input)), input->TakeTime())) {
      Check(std::isfinite(route.requests));
    }
  }
};

}  // namespace
}  // namespace tidemark

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  tidemark::Input input(data, size);
  tidemark::Shard shard;
  while (!input.empty()) {
    switch (input.Take<uint8_t>() % 4) {
      case 0:
      case 1:
        shard.AddSpan(&input);
        break;
      case 2:
        shard.AddPoints(&input);
        break;
      default:
        shard.Advance(&input);
    }
  }
  return 0;
}
