// OTLP without its transport: bytes of an export call in, the answer out. HTTP and gRPC both end
// here.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "codec/otlp.h"
#include "storage/store.h"

namespace tidemark {

struct OtlpLimits {
  size_t max_body_bytes = 64 << 20;  // inflated (OTLP specification, recommended limit)
};

// What became of one export call.
using ExportDone = std::function<void(Result<Rejected>)>;

// Where decoded batches go on. Called from any thread; each may refuse with a retryable error when
// its queue is full.
class LiveInput {
 public:
  virtual ~LiveInput() = default;
  // `done` is called once the spans are summarised.
  virtual void OnSpans(std::vector<SpanBatch> batches, std::function<void(Result<void>)> done) = 0;
  virtual Result<void> OnMetrics(std::vector<MetricBatch> batches) = 0;
  virtual Result<void> OnProfiles(std::vector<ProfileBatch> batches) = 0;
};

struct OtlpStats {
  std::atomic<uint64_t> requests{0}, malformed{0}, refused{0}, too_large{0};
  std::atomic<uint64_t> spans{0}, points{0}, profiles{0}, rejected_items{0};
};

class OtlpService {
 public:
  OtlpService(OtlpLimits limits, Store* store, LiveInput* live)
      : limits_(limits), store_(store), live_(live) {}

  // Inflates (gzip is recognised by its magic or by `declared_gzip`), decodes, keeps, answers.
  // `done` is called once, from this or another thread, after metrics and profiles are on disk and
  // spans are summarised. `peer` is the sender's address and becomes attribute tidemark.peer of its
  // resources. Errors: invalid argument (malformed), resource exhausted (too large; or overloaded,
  // retryable), unavailable.
  void Export(OtlpSignal signal, OtlpEncoding encoding, bool declared_gzip, std::string body,
              const std::string& peer, ExportDone done);

  const OtlpStats& stats() const { return stats_; }
  const OtlpLimits& limits() const { return limits_; }

 private:
  Result<std::string> Inflate(bool declared_gzip, std::string body) const;
  void Dispatch(OtlpSignal signal, OtlpEncoding encoding, const std::string& body,
                const std::string& peer, ExportDone done);
  void ExportTraces(OtlpEncoding encoding, const std::string& body, const std::string& peer,
                    ExportDone done);
  void ExportMetrics(OtlpEncoding encoding, const std::string& body, const std::string& peer,
                     ExportDone done);
  void ExportProfiles(OtlpEncoding encoding, const std::string& body, const std::string& peer,
                      ExportDone done);

  const OtlpLimits limits_;
  Store* const store_;
  LiveInput* const live_;
  OtlpStats stats_;
};

}  // namespace tidemark
