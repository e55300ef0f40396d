#include "server/heap_dump_puller.h"

#include <spdlog/spdlog.h>

#include "base/time.h"
#include "net/http_client.h"

namespace tidemark {

HeapDumpPuller::HeapDumpPuller(HeapDumpPullerOptions options, HeapDumps* dumps)
    : options_(options), dumps_(dumps), thread_([this] { Run(); }) {}

HeapDumpPuller::~HeapDumpPuller() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  ready_.notify_all();
  thread_.join();
}

bool HeapDumpPuller::Enqueue(HeapDumpOrder order) {
  {
    const std::lock_guard lock(mutex_);
    if (queue_.size() >= options_.max_queued) {
      ++stats_.refused;
      return false;
    }
    queue_.push_back(std::move(order));
  }
  ready_.notify_one();
  return true;
}

HeapDumpPullerStats HeapDumpPuller::stats() const {
  const std::lock_guard lock(mutex_);
  return stats_;
}

void HeapDumpPuller::Run() {
  for (;;) {
    HeapDumpOrder order;
    {
      std::unique_lock lock(mutex_);
      ready_.wait(lock, [this] { return stop_ || !queue_.empty(); });
      if (stop_) return;
      order = std::move(queue_.front());
      queue_.pop_front();
    }
    const auto pulled = Pull(order);
    if (stop_) return;
    if (!pulled) spdlog::warn("heap dump of {}: {}", order.info.service, pulled.error().message);
    const std::lock_guard lock(mutex_);
    ++(pulled ? stats_.pulled : stats_.failed);
  }
}

Result<void> HeapDumpPuller::Pull(const HeapDumpOrder& order) {
  TIDEMARK_ASSIGN_OR_RETURN(const auto sink, WaitForRoom(order.info));
  HttpCall call{.url = order.url,
                .timeout_ns = options_.timeout_ns,
                .max_response_bytes = sink->max_bytes(),
                .write_body = [&](std::string_view piece) { return sink->Write(piece); },
                .cancelled = &stop_};
  TIDEMARK_ASSIGN_OR_RETURN(const HttpReply reply, Fetch(call));
  if (reply.status != 200)
    return Unavailable("GET " + order.url + ": HTTP status " + std::to_string(reply.status));
  const auto id = dumps_->Finish(sink.get());
  if (!id) return Error{id.error().code, "GET " + order.url + ": " + id.error().message};
  return {};
}

// A dump is asked for only when it can be taken: the program stands still while it writes.
Result<std::shared_ptr<HttpBodySink>> HeapDumpPuller::WaitForRoom(const HeapDumpInfo& info) {
  const int64_t deadline_ns = SteadyClockNs() + options_.timeout_ns;
  for (;;) {
    auto sink = dumps_->Begin(info);
    if (sink || sink.error().code != ErrorCode::kResourceExhausted ||
        SteadyClockNs() >= deadline_ns)
      return sink;
    std::unique_lock lock(mutex_);
    ready_.wait_for(lock, std::chrono::nanoseconds(options_.retry_ns), [this] { return !!stop_; });
    if (stop_) return Unavailable("the server ends");
  }
}

}  // namespace tidemark
