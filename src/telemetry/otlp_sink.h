// For tests: an OTLP/HTTP server that answers as it is told and remembers what it acknowledged.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/gzip.h"
#include "codec/otlp.h"
#include "net/http_server.h"

namespace tidemark::sdk {

// Any thread may call.
class OtlpSink {
 public:
  OtlpSink() {
    auto server = HttpServer::Start({}, [this](HttpRequest request, const HttpResponder& respond) {
      Handle(request, respond);
    });
    if (server) server_ = std::move(*server);
  }
  ~OtlpSink() { server_.reset(); }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(server_->port()); }

  // The next requests are answered so, in this order, and those after them with 200.
  void Answer(std::vector<HttpResponse> answers) {
    const std::lock_guard lock(mutex_);
    next_.insert(next_.end(), answers.begin(), answers.end());
  }
  static HttpResponse Status(int status, const std::string& retry_after = "") {
    HttpResponse response;
    response.status = status;
    if (!retry_after.empty()) response.headers = {{"Retry-After", retry_after}};
    return response;
  }
  // From now on every request is answered so.
  void AnswerAlways(HttpResponse answer) {
    const std::lock_guard lock(mutex_);
    always_ = std::move(answer);
  }

  // Waits for the n-th request, 20 s at most; false when it did not come.
  bool WaitForRequests(size_t n) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), [&] { return bodies_.size() >= n; });
  }

  // How often each span was acknowledged, by its id.
  std::map<uint64_t, int> spans() const {
    const std::lock_guard lock(mutex_);
    return spans_;
  }
  std::vector<MetricBatch> metrics() const {
    const std::lock_guard lock(mutex_);
    return metrics_;
  }
  std::vector<std::string> bodies() const {  // as sent, acknowledged or not
    const std::lock_guard lock(mutex_);
    return bodies_;
  }
  size_t malformed() const {
    const std::lock_guard lock(mutex_);
    return malformed_;
  }

 private:
  void Handle(const HttpRequest& request, const HttpResponder& respond) {
    HttpResponse answer;
    {
      const std::lock_guard lock(mutex_);
      answer = always_;
      if (!next_.empty()) {
        answer = next_.front();
        next_.pop_front();
      }
      bodies_.push_back(request.body);
      if (answer.status == 200) Keep(request);
    }
    changed_.notify_all();
    respond(answer);
  }

  void Keep(const HttpRequest& request) {
    std::string body = request.body;
    if (HeaderOr(request.headers, "Content-Encoding") == "gzip") {
      auto inflated = Gunzip(body, 64 << 20);
      if (!inflated) {
        ++malformed_;
        return;
      }
      body = std::move(*inflated);
    }
    if (request.path == "/v1/traces") {
      const auto traces = DecodeTraces(body, OtlpEncoding::kProtobuf);
      if (!traces || traces->rejected.items != 0) {
        ++malformed_;
        return;
      }
      for (const SpanBatch& batch : traces->batches) {
        for (const tidemark::Span& span : batch.spans) {
          ++spans_[static_cast<uint64_t>(span.span_id)];
        }
      }
    } else if (auto metrics = DecodeMetrics(body, OtlpEncoding::kProtobuf);
               metrics && request.path == "/v1/metrics") {
      metrics_.insert(metrics_.end(), metrics->batches.begin(), metrics->batches.end());
    } else {
      ++malformed_;
    }
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<HttpResponse> next_;
  HttpResponse always_;
  std::map<uint64_t, int> spans_;
  std::vector<MetricBatch> metrics_;
  std::vector<std::string> bodies_;
  size_t malformed_ = 0;
  std::unique_ptr<HttpServer> server_;  // last: its threads use the rest
};

}  // namespace tidemark::sdk
