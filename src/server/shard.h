// A thread that owns state: work comes in as closures through a queue bounded in bytes and runs one
// by one.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <future>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace tidemark {

class Shard {
 public:
  // `tick` runs on the shard's thread about every `tick_interval`, between other work.
  Shard(size_t max_queued_bytes, std::chrono::milliseconds tick_interval,
        std::function<void()> tick);
  ~Shard();  // runs what is queued, then stops
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  // Queues `work`, which stands for `bytes` of memory. False when the queue is full or the shard
  // stops; `work` is then not run. Any thread.
  bool Post(size_t bytes, std::function<void()> work);

  // Runs `question` on the shard and returns its answer; nothing when the shard is stopping or does
  // not get to it within `timeout` (the question may then still run later, so it must own what it
  // touches). Not from the shard itself.
  template <typename F>
  auto Ask(F question, std::chrono::milliseconds timeout = std::chrono::seconds(5))
      -> std::optional<decltype(question())> {
    using T = decltype(question());
    auto task = std::make_shared<std::packaged_task<T()>>(std::move(question));
    std::future<T> answer = task->get_future();
    if (!Post(0, [task] { (*task)(); })) return std::nullopt;
    if (answer.wait_for(timeout) != std::future_status::ready) return std::nullopt;
    return answer.get();
  }

  size_t queued_bytes() const;
  uint64_t refused() const;

 private:
  void Run();

  const size_t max_queued_bytes_;
  const std::chrono::milliseconds tick_interval_;
  const std::function<void()> tick_;

  mutable std::mutex mutex_;  // guards all below but thread_
  std::condition_variable ready_;
  std::deque<std::pair<size_t, std::function<void()>>> queue_;
  size_t queued_bytes_ = 0;
  uint64_t refused_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace tidemark
