// Sends ended spans, and gauges where there are any, to an OTLP/HTTP endpoint each second.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "model/point.h"
#include "model/span.h"

namespace shop {

// Any thread may call. At most kMaxQueued spans wait; more are dropped and counted.
class OtlpExporter {
 public:
  // `gauges` gives the points to send along, and may be empty. An empty endpoint sends nothing.
  OtlpExporter(std::string endpoint, tidemark::Resource resource,
               std::function<std::vector<tidemark::Point>()> gauges);
  ~OtlpExporter();  // sends what is left, once
  OtlpExporter(const OtlpExporter&) = delete;
  OtlpExporter& operator=(const OtlpExporter&) = delete;

  void Add(tidemark::Span span);
  uint64_t dropped() const;

  static constexpr size_t kMaxQueued = 20'000;
  static constexpr size_t kMaxBatch = 4'000;

 private:
  void Run();
  void SendSpans(std::vector<tidemark::Span> spans);
  void SendGauges();
  bool Post(const std::string& path, const std::string& body);

  const std::string endpoint_;
  const tidemark::Resource resource_;
  const std::function<std::vector<tidemark::Point>()> gauges_;
  mutable std::mutex mutex_;
  std::condition_variable stop_;
  std::vector<tidemark::Span> queue_;
  uint64_t dropped_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace shop
