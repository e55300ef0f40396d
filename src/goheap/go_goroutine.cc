#include "goheap/go_goroutine.h"

namespace tidemark::goheap {
namespace {

using heapgraph::Label;
using heapgraph::Reference;

constexpr uint64_t kWaiting = 4;

// As Go's tracebacks put it.
std::string StatusText(uint64_t status) {
  switch (status) {
    case 0:
      return "idle";
    case 1:
      return "runnable";
    case 2:
      return "running";
    case 3:
      return "syscall";
    case kWaiting:
      return "waiting";
    case 6:
      return "dead";
    case 8:
      return "copystack";
    case 9:
      return "preempted";
    case 10:
      return "leaked";
    default:
      return "status " + std::to_string(status);
  }
}

}  // namespace

void GoGoroutine::Begin(uint64_t id, uint64_t address, uint64_t status, bool system,
                        std::string_view wait_reason) {
  Finish();
  open_ = true;
  ++count_;
  id_ = id;
  address_ = address;
  state_ = status == kWaiting && !wait_reason.empty() ? wait_reason : StatusText(status);
  if (system) state_ += ", system";
  function_.clear();
  function_rank_ = 0;
}

void GoGoroutine::Finish() {
  if (open_) Tell();
  open_ = false;
}

void GoGoroutine::Tell() {
  std::string name = "goroutine " + std::to_string(id_);
  if (!function_.empty()) name += " " + function_;
  name += " [" + state_ + "]";
  sink_.OnHolder({.kind = heapgraph::RootKind::kStack,
                  .name = name,
                  .address = address_,
                  .references = references_});
  references_.clear();
  slots_ = 0;
}

// The goroutine is named by its outermost function, for that is what the program started; best by
// one that is not the runtime's, then by one that is no wrapper of the compiler's.
void GoGoroutine::AddFrame(std::string_view function) {
  frame_ = function;
  const bool wrapper = function.find(".gowrap") != std::string_view::npos ||
                       function.find("dwrap") != std::string_view::npos ||
                       function == "runtime.goexit";
  const int rank = (function.starts_with("runtime.") ? 1 : 3) + (wrapper ? 0 : 1);
  if (rank < function_rank_) return;
  function_ = function;
  function_rank_ = rank;
}

void GoGoroutine::AddSlots(std::span<const Reference> slots) {
  const size_t plain = frame_.size();
  for (Reference slot : slots) {
    frame_ += " frame+" + std::to_string(slot.label.number());
    slot.label = Label(Label::Kind::kName, sink_.Intern(frame_));
    references_.push_back(slot);
    frame_.resize(plain);
  }
}

void GoGoroutine::Add(std::string_view name, const Reference& reference) {
  if (wants_ && reference.target != 0) {
    references_.push_back(
        {reference.target, Label(Label::Kind::kName, sink_.Intern(name)), reference.target_type});
  }
  CountSlots(1);
}

void GoGoroutine::CountSlots(uint64_t slots) {
  slots_ += slots;
  if (slots_ >= kMaxSlots) Tell();
}

}  // namespace tidemark::goheap
