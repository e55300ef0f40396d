// Events on their way from the thread that reads a dump to the thread that listens.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "heapgraph/heap_events.h"

namespace tidemark::hprof {

struct EventBatch {
  static constexpr size_t kObjects = 4096;
  static constexpr size_t kReferences = 16384;

  struct Object {
    enum Kind : uint8_t { kPlain, kPointerFree, kMoreReferences };
    uint64_t address = 0, bytes = 0;
    heapgraph::TypeKey type = 0;
    uint64_t reference_end = 0;  // in references; they begin where the object before ends
    Kind kind = kPlain;          // kMoreReferences: further ones of an object told before
  };
  struct Root {
    uint64_t object = 0;
    uint32_t a = 0, b = 0;  // the record's numbers: thread serial; frame or stack serial
    uint8_t tag = 0;        // HeapTag
  };
  // Plain memory behind counters: these are filled hundreds of millions of times.
  std::vector<Object> object_room = std::vector<Object>(kObjects);
  std::vector<heapgraph::Reference> reference_room = std::vector<heapgraph::Reference>(kReferences);
  size_t object_count = 0, reference_count = 0;
  std::vector<Root> roots;
  uint64_t offset = 0;  // in the dump, behind the last of them

  std::span<const Object> objects() const { return {object_room.data(), object_count}; }
  // There is room for one more as long as the batch is not full.
  void Push(const Object& object) { object_room[object_count++] = object; }
  // Room for `count` references behind the last; those written there are then counted.
  heapgraph::Reference* Room(size_t count) {
    if (reference_count + count > reference_room.size()) {
      reference_room.resize(std::max(reference_count + count, 2 * reference_room.size()));
    }
    return reference_room.data() + reference_count;
  }
  void CountUntil(const heapgraph::Reference* end) {
    reference_count = static_cast<size_t>(end - reference_room.data());
  }

  void Clear();
  bool Full() const {
    return object_count >= kObjects || reference_count >= kReferences || roots.size() >= kObjects;
  }
};

// A few batches that go around between one writer and one listener.
class BatchQueue {
 public:
  static constexpr size_t kBatches = 6;

  BatchQueue();
  // The writer: an empty batch, waits for one; hands a filled one over; says that there is no more.
  std::unique_ptr<EventBatch> TakeEmpty();
  void PushFull(std::unique_ptr<EventBatch> batch);
  void Close();
  // The listener: the next full batch, waits for it; nullptr = closed. Hands it back.
  std::unique_ptr<EventBatch> TakeFull();
  void GiveBack(std::unique_ptr<EventBatch> batch);

 private:
  std::mutex mutex_;
  std::condition_variable empty_came_, full_came_;
  std::vector<std::unique_ptr<EventBatch>> empty_, full_;  // guarded by mutex_, as is closed_
  bool closed_ = false;
};

}  // namespace tidemark::hprof
