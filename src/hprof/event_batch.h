// Events on their way from the thread that reads a dump to the thread that listens.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
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
  std::vector<Object> objects;
  std::vector<heapgraph::Reference> references;
  std::vector<Root> roots;
  uint64_t offset = 0;  // in the dump, behind the last of them

  void Clear();
  bool Full() const {
    return objects.size() >= kObjects || references.size() >= kReferences ||
           roots.size() >= kObjects;
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
