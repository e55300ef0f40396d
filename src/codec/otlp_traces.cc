// ExportTraceServiceRequest to span batches (opentelemetry/proto/trace/v1/trace.proto).
#include <cstring>

#include "codec/attributes.h"
#include "codec/ids.h"
#include "codec/json_to_proto.h"
#include "codec/otlp.h"

namespace tidemark {
namespace codec {
namespace {

constexpr uint64_t kStatusError = 2;  // StatusCode.STATUS_CODE_ERROR

// Which attribute stands for the route; the most specific convention first.
int RouteRank(View key) {
  if (key == "http.route") return 3;
  if (key == "url.template") return 2;
  if (key == "rpc.method") return 1;
  return 0;
}

class TracesReader {
 public:
  TracesReader(Place* place, DecodedTraces* out) : context_{place, &out->rejected}, out_(out) {}

  void ReadRequest(View body) {
    Message message(body, context_.place);
    while (message.Next()) {
      message.tag_and_type() == Bytes(1) ? ReadResourceSpans(message.Text()) : message.skip();
    }
    WarnIfTruncated(&out_->rejected);
  }

 private:
  // The resource may follow its spans on the wire, so it is read first in a pass of its own.
  void ReadResourceSpans(View body) {
    SpanBatch batch;
    for (Message message(body, context_.place); message.Next();) {
      message.tag_and_type() == Bytes(2) ? ReadScopeSpans(message.Text(), &batch) : message.skip();
    }
    if (batch.spans.empty()) return;
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

  void ReadScopeSpans(View body, SpanBatch* batch) {
    for (Message message(body, context_.place); message.Next();) {
      message.tag_and_type() == Bytes(2) ? ReadSpan(message.Text(), batch) : message.skip();
    }
  }

  void ReadSpan(View body, SpanBatch* batch) {
    if (++items_ > kMaxItems) {
      Reject(
          &out_->rejected, 1,
          "more than " + std::to_string(kMaxItems) + " spans in one request; send smaller batches");
      return;
    }
    Span& span = batch->spans.emplace_back();
    if (const std::string problem = ReadSpanFields(body, &span); !problem.empty()) {
      batch->spans.pop_back();
      Reject(&out_->rejected, 1, problem);
    }
  }

  // Returns why the span is refused, or "".
  std::string ReadSpanFields(View body, Span* span) {
    View trace_id, span_id, parent_id;
    int route_rank = 0;
    Message message(body, context_.place);
    while (message.Next()) {
      switch (message.tag_and_type()) {
        case Bytes(1):
          trace_id = message.Text();
          break;
        case Bytes(2):
          span_id = message.Text();
          break;
        case Bytes(4):
          parent_id = message.Text();
          break;
        case Bytes(5):
          span->name = Limited(message.Text(), kMaxNameBytes, context_);
          break;
        case Varint(6):
          span->kind = KindOf(message.get_uint64());
          break;
        case Fixed64(7):
          span->start_ns = message.TimeNs();
          break;
        case Fixed64(8):
          span->end_ns = message.TimeNs();
          break;
        case Bytes(9):
          ReadSpanAttribute(message.Text(), &route_rank, span);
          break;
        case Bytes(15):
          ReadStatus(message.Text(), span);
          break;
        default:
          message.skip();
      }
    }
    if (!ReadTraceId(trace_id, &span->trace_id)) return BadId("trace_id", 16, trace_id, *span);
    if (!ReadSpanId(span_id, &span->span_id)) return BadId("span_id", 8, span_id, *span);
    if (!parent_id.empty() && !IsZeros(parent_id) && !ReadSpanId(parent_id, &span->parent_id)) {
      return BadId("parent_span_id", 8, parent_id, *span);
    }
    if (span->start_ns <= 0 || span->end_ns <= 0) {
      return "span \"" + span->name + "\" has start_time_unix_nano " +
             std::to_string(span->start_ns) + " and end_time_unix_nano " +
             std::to_string(span->end_ns) + "; both must be set, and before the year 2262";
    }
    // A clock that was set back during the span: keep the span, with no duration.
    if (span->end_ns < span->start_ns) span->end_ns = span->start_ns;
    return {};
  }

  static SpanKind KindOf(uint64_t value) {
    return value <= static_cast<uint64_t>(SpanKind::kConsumer) ? static_cast<SpanKind>(value)
                                                               : SpanKind::kUnspecified;
  }

  static std::string BadId(const char* field, size_t size, View id, const Span& span) {
    return "span \"" + span.name + "\" has a " + field + " of " + std::to_string(id.size()) +
           " bytes" + (IsZeros(id) && !id.empty() ? ", all zero" : "") + "; expected " +
           std::to_string(size) + " bytes, not all zero";
  }

  void ReadSpanAttribute(View body, int* rank, Span* span) {
    const KeyValue pair = ReadKeyValue(body, context_);
    const int this_rank = RouteRank(pair.key);
    if (this_rank == 0 || this_rank < *rank) return;
    *rank = this_rank;
    span->route = Limited(TextOf(pair.value, context_), kMaxNameBytes, context_);
  }

  void ReadStatus(View body, Span* span) {
    for (Message message(body, context_.place); message.Next();) {
      if (message.tag_and_type() == Varint(3)) {
        span->error = message.get_uint64() == kStatusError;
      } else {
        message.skip();
      }
    }
  }

  Context context_;
  DecodedTraces* out_;
  int64_t items_ = 0;
};

}  // namespace
}  // namespace codec

Result<DecodedTraces> DecodeTraces(std::string_view body, OtlpEncoding encoding) {
  using namespace codec;  // NOLINT: the readers of this file
  std::string transcoded;
  if (encoding == OtlpEncoding::kJson) {
    TIDEMARK_ASSIGN_OR_RETURN(transcoded, JsonToProto(body, JsonRoot::kTraces));
    body = transcoded;
  }
  return Guarded<DecodedTraces>(body, "OTLP traces", [&](Place* place) -> Result<DecodedTraces> {
    DecodedTraces decoded;
    TracesReader(place, &decoded).ReadRequest(body);
    return decoded;
  });
}

}  // namespace tidemark
