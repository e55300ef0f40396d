#include "server/otlp_service.h"

#include "base/gzip.h"

namespace tidemark {
namespace {

template <typename Batch>
void NotePeer(const std::string& peer, std::vector<Batch>* batches) {
  for (Batch& batch : *batches) {
    // A sender may say on which port it serves its profile, not on which host: only our scraper
    // names URLs, and files.
    std::erase_if(batch.resource.attributes, [](const auto& attribute) {
      return attribute.first == "tidemark.peer" || attribute.first == "tidemark.pprof.url" ||
             attribute.first.starts_with("tidemark.heap_dump.");
    });
    batch.resource.attributes.emplace_back("tidemark.peer", peer);
    Normalize(&batch.resource.attributes);
  }
}

}  // namespace

Result<std::string> OtlpService::Inflate(bool declared_gzip, std::string body) const {
  // No protobuf message and no JSON text begins with gzip's magic: 0x1f would be field 3 of the
  // unused wire type 7.
  if (declared_gzip || LooksLikeGzip(body)) return Gunzip(body, limits_.max_body_bytes);
  if (body.size() > limits_.max_body_bytes) {
    return TooLarge("body of " + std::to_string(body.size()) + " bytes; the limit is " +
                    std::to_string(limits_.max_body_bytes));
  }
  return body;
}

void OtlpService::Export(OtlpSignal signal, OtlpEncoding encoding, bool declared_gzip,
                         std::string body, const std::string& peer, ExportDone done) {
  ++stats_.requests;
  const auto counted = [this, done = std::move(done)](Result<Rejected> result) {
    if (result) {
      stats_.rejected_items += result->items;
    } else if (result.error().code == ErrorCode::kInvalidArgument) {
      ++stats_.malformed;
    } else if (result.error().retryable) {
      ++stats_.refused;
    } else if (result.error().code == ErrorCode::kResourceExhausted) {
      ++stats_.too_large;
    }
    done(std::move(result));
  };
  auto inflated = Inflate(declared_gzip, std::move(body));
  if (!inflated) return counted(inflated.error());
  Dispatch(signal, encoding, *inflated, peer, counted);
}

void OtlpService::Dispatch(OtlpSignal signal, OtlpEncoding encoding, const std::string& body,
                           const std::string& peer, ExportDone done) {
  switch (signal) {
    case OtlpSignal::kTraces:
      return ExportTraces(encoding, body, peer, std::move(done));
    case OtlpSignal::kMetrics:
      return ExportMetrics(encoding, body, peer, std::move(done));
    case OtlpSignal::kProfiles:
      return ExportProfiles(encoding, body, peer, std::move(done));
    case OtlpSignal::kLogs:
      // Accepted and dropped, said so: senders that export all signals to one endpoint would retry
      // for ever otherwise.
      return done(Rejected{0, "tidemark keeps no logs; they were dropped"});
  }
}

void OtlpService::ExportTraces(OtlpEncoding encoding, const std::string& body,
                               const std::string& peer, ExportDone done) {
  auto decoded = DecodeTraces(body, encoding);
  if (!decoded) return done(decoded.error());
  NotePeer(peer, &decoded->batches);
  for (const SpanBatch& batch : decoded->batches) stats_.spans += batch.spans.size();
  if (decoded->batches.empty()) return done(decoded->rejected);
  live_->OnSpans(std::move(decoded->batches),
                 [done = std::move(done), rejected = decoded->rejected](Result<void> kept) {
                   kept ? done(rejected) : done(kept.error());
                 });
}

void OtlpService::ExportMetrics(OtlpEncoding encoding, const std::string& body,
                                const std::string& peer, ExportDone done) {
  auto decoded = DecodeMetrics(body, encoding);
  if (!decoded) return done(decoded.error());
  NotePeer(peer, &decoded->batches);
  for (const MetricBatch& batch : decoded->batches) stats_.points += batch.points.size();
  if (decoded->batches.empty()) return done(decoded->rejected);
  if (const auto taken = live_->OnMetrics(decoded->batches); !taken) return done(taken.error());
  store_->Append({.metrics = std::move(decoded->batches)},
                 [done = std::move(done), rejected = decoded->rejected](Result<void> kept) {
                   kept ? done(rejected) : done(kept.error());
                 });
}

void OtlpService::ExportProfiles(OtlpEncoding encoding, const std::string& body,
                                 const std::string& peer, ExportDone done) {
  auto decoded = DecodeProfiles(body, encoding);
  if (!decoded) return done(decoded.error());
  NotePeer(peer, &decoded->batches);
  stats_.profiles += decoded->batches.size();
  if (decoded->batches.empty()) return done(decoded->rejected);
  if (const auto taken = live_->OnProfiles(decoded->batches); !taken) return done(taken.error());
  store_->Append({.profiles = std::move(decoded->batches)},
                 [done = std::move(done), rejected = decoded->rejected](Result<void> kept) {
                   kept ? done(rejected) : done(kept.error());
                 });
}

}  // namespace tidemark
