// LedgerWriter: live samples, stacks, modules.
#include <string.h>

#include "recorder/ledger_writer.h"

namespace tidemark::recorder {
namespace {

uint64_t HashFrames(const uint64_t* frames, size_t depth) {
  uint64_t hash = 0x9e3779b97f4a7c15 + depth;
  for (size_t i = 0; i < depth; ++i) {
    hash = (hash ^ frames[i]) * 0xff51afd7ed558ccd;
    hash ^= hash >> 32;
  }
  return hash;
}

}  // namespace

uint32_t LedgerWriter::InternStack(const uint64_t* frames, size_t depth) {
  if (depth == 0) return ledger::kUnknownStack;
  const uint64_t hash = HashFrames(frames, depth);
  uint32_t bucket = static_cast<uint32_t>(hash) % kIndexSize;
  // Half of the index stays empty, so the search ends.
  while (control_->stack_index[bucket] != 0) {
    const uint32_t found = control_->stack_index[bucket] - 1;
    if (control_->stack_hash[found] == hash) return found;
    bucket = (bucket + 1) % kIndexSize;
  }
  const uint32_t index = control_->stacks_used;
  const uint32_t first = control_->frames_used;
  const bool fits = index < ledger::kStackCapacity && first + depth <= ledger::kFrameCapacity;
  if (!fits ||
      !Back(ledger::kStacksOffset + (index + 1) * sizeof(ledger::Stack), ledger::kFramesOffset,
            &backed_stacks_) ||
      !Back(ledger::kFramesOffset + (first + depth) * sizeof(uint64_t), ledger::kLiveOffset,
            &backed_frames_)) {
    CountLoss(ledger::Loss::kStackTableFull);
    return ledger::kUnknownStack;
  }
  // A stack's frames lie on one page or on two.
  At<uint64_t>(ledger::kFramesOffset, first + static_cast<uint32_t>(depth) - 1);
  memcpy(At<uint64_t>(ledger::kFramesOffset, first), frames, depth * sizeof(uint64_t));
  ledger::Stack* entry = stack(index);
  entry->hash = hash;
  entry->first_frame = first;
  entry->depth = static_cast<uint32_t>(depth);
  control_->frames_used = first + static_cast<uint32_t>(depth);
  control_->stacks_used = index + 1;
  control_->stack_hash[index] = hash;
  control_->stack_index[bucket] = index + 1;
  ledger::Header* h = header();
  __atomic_store_n(&h->frames_used, control_->frames_used, __ATOMIC_RELEASE);
  __atomic_store_n(&entry->state, 1, __ATOMIC_RELEASE);
  __atomic_store_n(&h->stacks_used, control_->stacks_used, __ATOMIC_RELEASE);
  return index;
}

void LedgerWriter::CountAllocation(uint32_t index, double bytes, double objects) {
  ledger::Stack* entry = stack(index);
  entry->samples += 1;
  entry->alloc_bytes += bytes;
  entry->alloc_objects += objects;
  header()->samples += 1;
}

uint32_t LedgerWriter::AddLive(const ledger::LiveSample& sample) {
  uint32_t slot;
  if (control_->live_free != 0) {
    slot = control_->live_free - 1;
    control_->live_free = control_->next_free[slot];
  } else {
    slot = control_->live_used;
    const uint64_t end = ledger::kLiveOffset + (uint64_t{slot} + 1) * sizeof(ledger::LiveSample);
    if (slot == ledger::kLiveCapacity || !Back(end, ledger::kFileSize, &backed_live_))
      return kNoSlot;
    control_->live_used = slot + 1;
    __atomic_store_n(&header()->live_used, slot + 1, __ATOMIC_RELEASE);
  }
  control_->address[slot] = sample.address;
  control_->size[slot] = sample.size;
  const uint64_t sequence = ++control_->sequence[slot];
  ledger::LiveSample* entry = live(slot);
  __atomic_thread_fence(
      __ATOMIC_RELEASE);  // the slot was published as free before its fields change
  memcpy(reinterpret_cast<uint8_t*>(entry) + sizeof entry->state,
         reinterpret_cast<const uint8_t*>(&sample) + sizeof entry->state,
         sizeof sample - sizeof entry->state);
  __atomic_store_n(&entry->state, sequence << 8 | ledger::kSlotLive, __ATOMIC_RELEASE);
  header()->live_samples += 1;
  return slot;
}

void LedgerWriter::RemoveLive(uint32_t slot) {
  const uint64_t sequence = ++control_->sequence[slot];
  __atomic_store_n(&live(slot)->state, sequence << 8 | ledger::kSlotFree, __ATOMIC_RELEASE);
  control_->address[slot] = 0;
  control_->next_free[slot] = control_->live_free;
  control_->live_free = slot + 1;
  header()->live_samples -= 1;
}

void LedgerWriter::SetLiveShift(uint32_t slot, uint32_t shift) {
  __atomic_store_n(&live(slot)->interval_shift, shift, __ATOMIC_RELEASE);
}

void LedgerWriter::SetLiveSize(uint32_t slot, uint64_t bytes) {
  control_->size[slot] = bytes;
  __atomic_store_n(&live(slot)->size, bytes, __ATOMIC_RELEASE);
}

void LedgerWriter::SetIntervalShift(uint32_t shift) {
  __atomic_store_n(&header()->interval_shift, shift, __ATOMIC_RELEASE);
}

int LedgerWriter::AddModule(const ledger::Module& from) {
  const uint32_t index = control_->modules_used;
  if (index == ledger::kModuleCapacity ||
      !Back(ledger::kModulesOffset + (index + 1) * sizeof(ledger::Module), ledger::kStacksOffset,
            &backed_modules_)) {
    CountLoss(ledger::Loss::kModuleTableFull);
    return -1;
  }
  ledger::Module* entry = module(index);
  memcpy(reinterpret_cast<uint8_t*>(entry) + sizeof entry->state,
         reinterpret_cast<const uint8_t*>(&from) + sizeof entry->state,
         sizeof from - sizeof entry->state);
  __atomic_store_n(&entry->state, 1, __ATOMIC_RELEASE);
  control_->modules_used = index + 1;
  __atomic_store_n(&header()->modules_used, index + 1, __ATOMIC_RELEASE);
  return static_cast<int>(index);
}

void LedgerWriter::MarkUnloaded(int index, uint64_t monotonic_ns) {
  __atomic_store_n(&module(static_cast<uint32_t>(index))->unloaded_monotonic_ns, monotonic_ns,
                   __ATOMIC_RELEASE);
}

}  // namespace tidemark::recorder
