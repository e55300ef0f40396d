// Roots, threads with their locals, class objects and static fields: what holds the heap.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "hprof/class_plans.h"
#include "hprof/event_batch.h"

namespace tidemark::hprof {

// Collects the roots of one reading, then tells them.
class RootEvents {
 public:
  static constexpr size_t kMaxLocals = size_t{8} << 20;  // further ones are roots without a name

  RootEvents(const DumpIndex& index, ClassPlans& plans, heapgraph::HeapSink& sink)
      : index_(index), plans_(plans), sink_(sink) {}

  // Tells the simple ones at once and keeps the rest.
  void Add(const EventBatch::Root& root);
  // Class objects, static fields, threads: always in the same order, which holders must have.
  void TellClasses();
  void TellThreads();

 private:
  struct Local {
    uint64_t object;
    uint32_t frame;  // ~0 = none; of JNI when `jni`
    bool jni;
  };
  struct Thread {
    uint64_t object = 0;
    uint32_t stack_serial = 0;
    std::vector<Local> locals;
  };
  void TellClass(uint32_t position);
  void TellStatics(const ClassInfo& info);
  std::string ThreadName(uint32_t serial, const Thread& thread) const;
  uint32_t LocalName(const Thread& thread, const Local& local);

  const DumpIndex& index_;
  ClassPlans& plans_;
  heapgraph::HeapSink& sink_;
  std::map<uint32_t, Thread> threads_;  // by serial
  size_t locals_ = 0;
};

}  // namespace tidemark::hprof
