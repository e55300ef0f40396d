#include "hprof/event_batch.h"

namespace tidemark::hprof {
namespace {

constexpr size_t kKeptReferences = 1 << 15;  // memory that a batch keeps after a large array

}  // namespace

void EventBatch::Clear() {
  object_count = reference_count = 0;
  roots.clear();
  if (reference_room.size() > kKeptReferences) {
    reference_room = std::vector<heapgraph::Reference>(kReferences);
  }
  offset = 0;
}

BatchQueue::BatchQueue() {
  for (size_t i = 0; i < kBatches; ++i) empty_.push_back(std::make_unique<EventBatch>());
}

std::unique_ptr<EventBatch> BatchQueue::TakeEmpty() {
  std::unique_lock lock(mutex_);
  empty_came_.wait(lock, [&] { return !empty_.empty(); });
  auto batch = std::move(empty_.back());
  empty_.pop_back();
  return batch;
}

void BatchQueue::PushFull(std::unique_ptr<EventBatch> batch) {
  const std::lock_guard lock(mutex_);
  full_.push_back(std::move(batch));
  full_came_.notify_one();
}

void BatchQueue::Close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  full_came_.notify_one();
}

std::unique_ptr<EventBatch> BatchQueue::TakeFull() {
  std::unique_lock lock(mutex_);
  full_came_.wait(lock, [&] { return !full_.empty() || closed_; });
  if (full_.empty()) return nullptr;
  auto batch = std::move(full_.front());
  full_.erase(full_.begin());
  return batch;
}

void BatchQueue::GiveBack(std::unique_ptr<EventBatch> batch) {
  batch->Clear();
  const std::lock_guard lock(mutex_);
  empty_.push_back(std::move(batch));
  empty_came_.notify_one();
}

}  // namespace tidemark::hprof
