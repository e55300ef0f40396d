#include "server/shard.h"

namespace tidemark {
namespace {

constexpr size_t kBytesPerItem =
    256;  // the closure itself, roughly, so that many small items cannot pile up

}  // namespace

Shard::Shard(size_t max_queued_bytes, std::chrono::milliseconds tick_interval,
             std::function<void()> tick)
    : max_queued_bytes_(max_queued_bytes),
      tick_interval_(tick_interval),
      tick_(std::move(tick)),
      thread_([this] { Run(); }) {}

Shard::~Shard() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  ready_.notify_all();
  thread_.join();
}

bool Shard::Post(size_t bytes, std::function<void()> work) {
  const size_t cost = bytes + kBytesPerItem;
  {
    const std::lock_guard lock(mutex_);
    // A single item larger than the bound is let in when nothing else waits, else it could never
    // be.
    if (stopping_ || (queued_bytes_ + cost > max_queued_bytes_ && !queue_.empty())) {
      ++refused_;
      return false;
    }
    queued_bytes_ += cost;
    queue_.emplace_back(cost, std::move(work));
  }
  ready_.notify_one();
  return true;
}

size_t Shard::queued_bytes() const {
  const std::lock_guard lock(mutex_);
  return queued_bytes_;
}

uint64_t Shard::refused() const {
  const std::lock_guard lock(mutex_);
  return refused_;
}

void Shard::Run() {
  auto next_tick = std::chrono::steady_clock::now() + tick_interval_;
  for (;;) {
    std::function<void()> work;
    size_t cost = 0;
    {
      std::unique_lock lock(mutex_);
      ready_.wait_until(lock, next_tick, [this] { return stopping_ || !queue_.empty(); });
      if (!queue_.empty()) {
        cost = queue_.front().first;
        work = std::move(queue_.front().second);
        queue_.pop_front();
      } else if (stopping_) {
        return;
      }
    }
    if (work) work();
    work = nullptr;
    if (cost > 0) {
      const std::lock_guard lock(mutex_);
      queued_bytes_ -= cost;
    }
    if (std::chrono::steady_clock::now() >= next_tick) {
      tick_();
      next_tick = std::chrono::steady_clock::now() + tick_interval_;
    }
  }
}

}  // namespace tidemark
