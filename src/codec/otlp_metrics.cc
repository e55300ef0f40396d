// ExportMetricsServiceRequest to points (opentelemetry/proto/metrics/v1/metrics.proto).
#include <cmath>
#include <optional>

#include "codec/attributes.h"
#include "codec/json_to_proto.h"
#include "codec/otlp.h"

namespace tidemark {
namespace codec {
namespace {

constexpr uint64_t kNoRecordedValue = 1;  // DataPointFlags: the series ended, there is no value
constexpr uint64_t kDelta = 1, kCumulative = 2;  // AggregationTemporality

// Numbers of Metric's oneof `data`.
enum Data : uint32_t { kGauge = 5, kSum = 7, kHistogram = 9, kExponential = 10, kSummary = 11 };

// Where the data points of histograms and summaries keep what is read; they differ in nothing else.
struct Shape {
  uint32_t attributes, flags;
};

constexpr Shape ShapeOf(Data data) {
  if (data == kHistogram) return {9, 10};
  if (data == kExponential) return {1, 10};
  return {7, 8};
}

struct MetricHead {
  std::string name, unit;
  Data data = kGauge;
  View body;  // of the data; empty when the metric has none
};

class MetricsReader {
 public:
  MetricsReader(Place* place, DecodedMetrics* out) : context_{place, &out->rejected}, out_(out) {}

  void ReadRequest(View body) {
    for (Message message(body, context_.place); message.Next();) {
      message.tag_and_type() == Bytes(1) ? ReadResourceMetrics(message.Text()) : message.skip();
    }
    WarnIfTruncated(&out_->rejected);
  }

 private:
  // The resource may follow its metrics on the wire, so it is read in a pass of its own.
  void ReadResourceMetrics(View body) {
    MetricBatch batch;
    for (Message message(body, context_.place); message.Next();) {
      message.tag_and_type() == Bytes(2) ? ReadScopeMetrics(message.Text(), &batch)
                                         : message.skip();
    }
    if (batch.points.empty()) return;
    for (Message message(body, context_.place); message.Next();) {
      if (message.tag_and_type() == Bytes(1)) {
        ReadResource(message.Text(), context_, &batch.resource.attributes);
      } else {
        message.skip();
      }
    }
    Normalize(&batch.resource.attributes);
    batch.resource.target = TargetOf(batch.resource.attributes);
    out_->batches.push_back(std::move(batch));
  }

  void ReadScopeMetrics(View body, MetricBatch* batch) {
    for (Message message(body, context_.place); message.Next();) {
      message.tag_and_type() == Bytes(2) ? ReadMetric(message.Text(), batch) : message.skip();
    }
  }

  void ReadMetric(View body, MetricBatch* batch) {
    MetricHead head;
    View name;
    for (Message message(body, context_.place); message.Next();) {
      switch (message.tag_and_type()) {
        case Bytes(1):
          name = message.Text();
          break;
        case Bytes(3):
          head.unit = Limited(message.Text(), kMaxKeyBytes, context_);
          break;
        case Bytes(kGauge):
        case Bytes(kSum):
        case Bytes(kHistogram):
        case Bytes(kExponential):
        case Bytes(kSummary):
          head.data = static_cast<Data>(message.tag());
          head.body = message.Text();
          break;
        default:
          message.skip();
      }
    }
    head.name = Limited(name, kMaxNameBytes, context_);
    ReadData(head, batch);
  }

  void ReadData(const MetricHead& head, MetricBatch* batch) {
    uint64_t temporality = 0;
    int64_t points = 0;
    bool monotonic = false;
    for (Message message(head.body, context_.place); message.Next();) {
      switch (message.tag_and_type()) {
        case Bytes(1):
          ++points;
          message.skip();
          break;
        case Varint(2):
          temporality = message.get_uint64();
          break;
        case Varint(3):
          monotonic = message.get_bool();
          break;
        default:
          message.skip();
      }
    }
    if (points == 0) return;
    if (const std::string problem = ProblemWith(head, temporality, points); !problem.empty()) {
      Reject(&out_->rejected, points, problem);
      return;
    }
    const bool number = head.data == kGauge || head.data == kSum;
    const PointKind kind = head.data == kSum && monotonic ? PointKind::kCounter : PointKind::kGauge;
    for (Message message(head.body, context_.place); message.Next();) {
      if (message.tag_and_type() != Bytes(1)) {
        message.skip();
      } else if (number) {
        ReadNumberPoint(message.Text(), head, kind, batch);
      } else {
        ReadDistributionPoint(message.Text(), head, batch);
      }
    }
  }

  // Why none of the metric's points can be taken, or "".
  std::string ProblemWith(const MetricHead& head, uint64_t temporality, int64_t points) {
    if (head.name.empty()) return "a metric without a name";
    const bool has_temporality = head.data != kGauge && head.data != kSummary;
    if (has_temporality && temporality == kDelta) {
      return "metric " + head.name +
             " has delta temporality, which needs the sums of before; send cumulative values "
             "(OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=cumulative)";
    }
    if (has_temporality && temporality != kCumulative) {
      return "metric " + head.name + " has aggregation temporality " + std::to_string(temporality) +
             "; expected 2 (cumulative)";
    }
    if (items_ + points > kMaxItems) {
      return "more than " + std::to_string(kMaxItems) +
             " points in one request; send smaller batches";
    }
    items_ += points;
    return {};
  }

  void ReadNumberPoint(View body, const MetricHead& head, PointKind kind, MetricBatch* batch) {
    Point& point = batch->points.emplace_back();
    uint64_t flags = 0;
    std::optional<double> value;
    for (Message message(body, context_.place); message.Next();) {
      switch (message.tag_and_type()) {
        case Fixed64(2):
          point.start_ns = message.TimeNs();
          break;
        case Fixed64(3):
          point.time_ns = message.TimeNs();
          break;
        case Fixed64(4):
          value = message.get_double();
          break;
        case Fixed64(6):
          value = static_cast<double>(message.get_sfixed64());
          break;
        case Bytes(7):
          AppendAttribute(message.Text(), context_, &point.attributes);
          break;
        case Varint(8):
          flags = message.get_uint64();
          break;
        default:
          message.skip();
      }
    }
    const bool keep = (flags & kNoRecordedValue) == 0 && IsGood(head, point.time_ns, value);
    if (!keep) {
      batch->points.pop_back();
      return;
    }
    Normalize(&point.attributes);
    point.metric = head.name;
    point.unit = head.unit;
    point.kind = kind;
    // A gauge has no start, whatever the sender put there.
    if (kind == PointKind::kGauge || point.start_ns < 0) point.start_ns = 0;
    point.value = *value;
  }

  // Count and sum of a histogram or summary.
  void ReadDistributionPoint(View body, const MetricHead& head, MetricBatch* batch) {
    const Shape shape = ShapeOf(head.data);
    Point point;
    uint64_t flags = 0;
    std::optional<double> count, sum;
    for (Message message(body, context_.place); message.Next();) {
      const uint32_t key = message.tag_and_type();
      if (key == Fixed64(2)) {
        point.start_ns = message.TimeNs();
      } else if (key == Fixed64(3)) {
        point.time_ns = message.TimeNs();
      } else if (key == Fixed64(4)) {
        count = static_cast<double>(message.get_fixed64());
      } else if (key == Fixed64(5)) {
        sum = message.get_double();
      } else if (key == Bytes(shape.attributes)) {
        AppendAttribute(message.Text(), context_, &point.attributes);
      } else if (key == Varint(shape.flags)) {
        flags = message.get_uint64();
      } else {
        message.skip();
      }
    }
    // proto3 leaves out a count of 0.
    if (!count) count = 0;
    if ((flags & kNoRecordedValue) != 0 || !IsGood(head, point.time_ns, sum.value_or(0))) return;
    Normalize(&point.attributes);
    point.kind = PointKind::kCounter;
    if (point.start_ns < 0) point.start_ns = 0;
    point.metric = head.name + ".count";
    point.unit = "1";
    point.value = *count;
    batch->points.push_back(point);
    // Summaries always have a sum; proto3 leaves out one of 0.
    if (!sum && head.data != kSummary) return;
    point.metric = head.name + ".sum";
    point.unit = head.unit;
    point.value = sum.value_or(0);
    batch->points.push_back(std::move(point));
  }

  // Counts a point that cannot be taken.
  bool IsGood(const MetricHead& head, int64_t time_ns, std::optional<double> value) {
    if (time_ns > 0 && value && std::isfinite(*value)) return true;
    std::string reason = "metric " + head.name + " has a point ";
    if (time_ns <= 0) {
      reason +=
          "whose time_unix_nano is " + std::string(time_ns == 0 ? "0" : "after the year 2262");
    } else if (!value) {
      reason += "with neither as_double nor as_int";
    } else {
      reason += "whose value is not finite";
    }
    Reject(&out_->rejected, 1, reason);
    return false;
  }

  Context context_;
  DecodedMetrics* out_;
  int64_t items_ = 0;
};

}  // namespace
}  // namespace codec

Result<DecodedMetrics> DecodeMetrics(std::string_view body, OtlpEncoding encoding) {
  using namespace codec;  // NOLINT: the readers of this file
  std::string transcoded;
  if (encoding == OtlpEncoding::kJson) {
    TIDEMARK_ASSIGN_OR_RETURN(transcoded, JsonToProto(body, JsonRoot::kMetrics));
    body = transcoded;
  }
  return Guarded<DecodedMetrics>(body, "OTLP metrics", [&](Place* place) -> Result<DecodedMetrics> {
    DecodedMetrics decoded;
    MetricsReader(place, &decoded).ReadRequest(body);
    return decoded;
  });
}

}  // namespace tidemark
