#include "otlp_exporter.h"

#include <chrono>

#include "base/gzip.h"
#include "codec/otlp.h"
#include "net/http_client.h"

namespace shop {

OtlpExporter::OtlpExporter(std::string endpoint, tidemark::Resource resource,
                           std::function<std::vector<tidemark::Point>()> gauges)
    : endpoint_(std::move(endpoint)),
      resource_(std::move(resource)),
      gauges_(std::move(gauges)),
      thread_([this] { Run(); }) {}

OtlpExporter::~OtlpExporter() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_.notify_all();
  thread_.join();
}

void OtlpExporter::Add(tidemark::Span span) {
  if (endpoint_.empty()) return;
  const std::lock_guard lock(mutex_);
  if (queue_.size() >= kMaxQueued) {
    ++dropped_;
    return;
  }
  queue_.push_back(std::move(span));
}

uint64_t OtlpExporter::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

bool OtlpExporter::Post(const std::string& path, const std::string& body) {
  tidemark::HttpCall call;
  call.method = "POST";
  call.url = endpoint_ + path;
  call.headers = {{"Content-Type", "application/x-protobuf"}, {"Content-Encoding", "gzip"}};
  call.body = tidemark::Gzip(body, 1);
  call.timeout_ns = 5'000'000'000;
  const auto reply = tidemark::Fetch(call);
  return reply && reply->status < 300;
}

void OtlpExporter::SendSpans(std::vector<tidemark::Span> spans) {
  for (size_t at = 0; at < spans.size(); at += kMaxBatch) {
    tidemark::SpanBatch batch{resource_, {}};
    const size_t end = std::min(at + kMaxBatch, spans.size());
    batch.spans.assign(std::make_move_iterator(spans.begin() + static_cast<ptrdiff_t>(at)),
                       std::make_move_iterator(spans.begin() + static_cast<ptrdiff_t>(end)));
    const size_t count = batch.spans.size();
    if (Post("/v1/traces", tidemark::EncodeTracesRequest({std::move(batch)}))) continue;
    const std::lock_guard lock(mutex_);
    dropped_ += count;
  }
}

void OtlpExporter::SendGauges() {
  if (!gauges_) return;
  std::vector<tidemark::Point> points = gauges_();
  if (!points.empty()) Post("/v1/metrics", tidemark::EncodeMetricsRequest({{resource_, points}}));
}

void OtlpExporter::Run() {
  std::unique_lock lock(mutex_);
  while (!endpoint_.empty()) {
    const bool last = stop_.wait_for(lock, std::chrono::seconds(1), [this] { return stopping_; });
    std::vector<tidemark::Span> spans;
    spans.swap(queue_);
    lock.unlock();
    SendSpans(std::move(spans));
    SendGauges();
    lock.lock();
    if (last) return;
  }
}

}  // namespace shop
