#include "hprof/root_events.h"

namespace tidemark::hprof {

using heapgraph::Label;
using heapgraph::Reference;
using heapgraph::RootKind;

namespace {

constexpr uint32_t kNoFrame = ~0u;

// Key of the type "class com.example.Main", of one class object.
heapgraph::TypeKey OwnType(uint64_t class_id) {
  return class_id ^ uint64_t { 1 } << 63;
}

RootKind KindOf(uint8_t tag) {
  switch (tag) {
    case kRootJniGlobal:
    case kRootJniMonitor:
      return RootKind::kHandle;
    case kRootNativeStack:
    case kRootThreadBlock:
    case kRootJniLocal:
    case kRootJavaFrame:
    case kRootThreadObject:
      return RootKind::kStack;
    case kRootFinalizing:
    case kRootReferenceCleanup:
      return RootKind::kFinalizer;
    case kRootUnknown:
      return RootKind::kOther;
    default:
      return RootKind::kSystem;
  }
}

}  // namespace

void RootEvents::Add(const EventBatch::Root& root) {
  const bool of_thread = root.tag == kRootJniLocal || root.tag == kRootJavaFrame ||
                         root.tag == kRootThreadObject || root.tag == kRootNativeStack ||
                         root.tag == kRootThreadBlock;
  if (root.tag == kUnreachable) return;
  if (!of_thread || ++locals_ > kMaxLocals) return sink_.OnRoot(KindOf(root.tag), root.object);
  Thread& thread = threads_[root.a];
  if (root.tag == kRootThreadObject) {
    thread.object = root.object;
    thread.stack_serial = root.b;
    return;
  }
  const bool in_frame = root.tag == kRootJavaFrame || root.tag == kRootJniLocal;
  thread.locals.push_back({root.object, in_frame ? root.b : kNoFrame, root.tag == kRootJniLocal});
}

void RootEvents::TellClasses() {
  for (uint32_t i = 0; i < index_.classes.classes.size(); ++i) {
    if (index_.classes.classes[i].dumped) TellClass(i);
  }
}

void RootEvents::TellClass(uint32_t position) {
  const ClassInfo& info = index_.classes.classes[position];
  const bool permanent = !plans_.mat_compat() && plans_.Permanent(info);
  std::vector<Reference> references;
  const auto hidden = [&](uint64_t target, std::string_view name) {
    if (target != 0) {
      references.push_back({target, Label(Label::Kind::kHidden, sink_.Intern(name)), 0});
    }
  };
  hidden(info.super, "<super>");
  hidden(info.loader, "<loader>");
  hidden(info.signers, "<signers>");
  hidden(info.domain, "<protection domain>");
  const uint32_t class_class = index_.FindClass("java/lang/Class");
  heapgraph::TypeKey type =
      class_class == ClassIndex::kNone ? 0 : index_.classes.classes[class_class].id;
  if (permanent) {
    sink_.OnRoot(RootKind::kSystem, info.id);
    TellStatics(info);
  } else if (info.static_count > 0) {
    type = OwnType(info.id);
    sink_.OnType({type, "class " + index_.ClassName(info), 0, false, false});
    for (uint32_t i = 0; i < info.static_count; ++i) {
      const StaticReference& field = index_.classes.statics[info.static_begin + i];
      references.push_back(
          {field.target, Label(Label::Kind::kName, sink_.Intern(index_.Name(field.name))), 0});
    }
  }
  sink_.OnObject({info.id, plans_.ClassObjectBytes(position), type, references, {}, false});
}

void RootEvents::TellStatics(const ClassInfo& info) {
  const std::string owner = index_.ClassName(info) + ".";
  for (uint32_t i = 0; i < info.static_count; ++i) {
    const StaticReference& field = index_.classes.statics[info.static_begin + i];
    const Reference reference{field.target, Label(), 0};
    sink_.OnHolder({RootKind::kGlobal,
                    owner + std::string(index_.Name(field.name)),
                    0,
                    0,
                    {&reference, 1},
                    {}});
  }
}

uint32_t RootEvents::LocalName(const Thread& thread, const Local& local) {
  if (local.frame == kNoFrame) return sink_.Intern(local.jni ? "JNI local" : "on its stack");
  const std::string text = index_.FrameText(thread.stack_serial, local.frame);
  const std::string kind = local.jni ? "JNI local" : "local";
  return sink_.Intern(text.empty() ? kind : kind + " in " + text);
}

std::string RootEvents::ThreadName(uint32_t serial, const Thread& thread) const {
  const std::string_view told = index_.ThreadName(thread.object);
  if (!told.empty()) return "thread " + std::string(told);
  const std::string entry = index_.EntryFrame(thread.stack_serial);
  return "thread #" + std::to_string(serial) + (entry.empty() ? "" : " in " + entry);
}

void RootEvents::TellThreads() {
  for (const auto& [serial, thread] : threads_) {
    std::vector<Reference> references;
    for (const Local& local : thread.locals) {
      references.push_back({local.object, Label(Label::Kind::kName, LocalName(thread, local)), 0});
    }
    if (plans_.mat_compat() && thread.object != 0) {
      sink_.OnRoot(RootKind::kStack, thread.object);
      for (const Reference& reference : references) sink_.OnReference(thread.object, reference);
      continue;
    }
    const uint32_t itself = sink_.Intern("<thread>");
    if (thread.object != 0) {
      references.insert(references.begin(),
                        {thread.object, Label(Label::Kind::kHidden, itself), 0});
    }
    sink_.OnHolder(
        {RootKind::kStack, ThreadName(serial, thread), thread.object, 0, references, {}});
  }
}

}  // namespace tidemark::hprof
