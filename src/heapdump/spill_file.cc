#include "heapdump/spill_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace tidemark {
namespace {

Error Failed(const std::string& directory, const char* what, uint64_t bytes, int error) {
  const std::string message = directory + ": " + what + " of " + std::to_string(bytes) +
                              " bytes for a graph larger than memory: " + std::strerror(error) +
                              "; TMPDIR chooses another directory, --memory more memory";
  return error == ENOSPC ? TooLarge(message) : IoError(message);
}

// An unlinked file of `bytes`, all of them taken from the disk.
Result<int> TemporaryFile(const std::string& directory, uint64_t bytes) {
  std::string path = directory + "/tidemark-spill-XXXXXX";
  const int fd = mkostemp(path.data(), O_CLOEXEC);
  if (fd < 0) return Failed(directory, "a temporary file", bytes, errno);
  unlink(path.c_str());
  if (const int error = posix_fallocate(fd, 0, static_cast<off_t>(bytes)); error != 0) {
    close(fd);
    return Failed(directory, "a temporary file", bytes, error);
  }
  return fd;
}

uint64_t FaultsOfThisThread() {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  return static_cast<uint64_t>(usage.ru_minflt) + static_cast<uint64_t>(usage.ru_majflt);
}

}  // namespace

uint64_t ResidentBytes() {
  static const int statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  char text[128];
  const ssize_t length = statm < 0 ? -1 : pread(statm, text, sizeof text - 1, 0);
  if (length <= 0) return 0;
  text[length] = '\0';
  unsigned long long all = 0, resident = 0;
  if (std::sscanf(text, "%llu %llu", &all, &resident) != 2) return 0;
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

SpillFile::~SpillFile() {
  for (const auto& [memory, spilled] : spilled_) {
    munmap(memory, spilled.bytes);
    close(spilled.fd);
  }
}

void SpillFile::Count(uint64_t added_memory, uint64_t added_spilled) {
  in_memory_ += added_memory;
  in_files_ += added_spilled;
  peak_ = std::max(peak_, in_memory_ + in_files_);
  peak_spilled_ = std::max(peak_spilled_, in_files_);
}

// Beside `other_bytes` of arrays in memory. Small arrays are those that everything is looked up in.
bool SpillFile::FitsInMemory(uint64_t bytes, uint64_t other_bytes) const {
  return other_bytes + bytes <= limits_.in_memory * (bytes <= limits_.in_memory / 16 ? 2 : 1);
}

Result<std::span<std::byte>> SpillFile::Spill(uint64_t bytes) {
  memory_.Trim();  // from now on what is released is not kept
  TIDEMARK_ASSIGN_OR_RETURN(const int fd, TemporaryFile(directory_, bytes));
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) {
    const int error = errno;
    close(fd);
    return Failed(directory_, "mapping", bytes, error);
  }
  spilled_[static_cast<std::byte*>(memory)] = {bytes, fd};
  spills_ = true;
  Count(0, bytes);
  return std::span(static_cast<std::byte*>(memory), bytes);
}

Result<std::span<std::byte>> SpillFile::Take(uint64_t bytes) {
  if (bytes == 0) return std::span<std::byte>();
  if (!FitsInMemory(bytes, in_memory_)) return Spill(bytes);
  TIDEMARK_ASSIGN_OR_RETURN(const auto memory, memory_.Allocate(bytes));
  Count(bytes, 0);
  return memory;
}

void SpillFile::GiveBack(std::span<std::byte> bytes) {
  if (bytes.empty()) return;
  const auto found = spilled_.find(bytes.data());
  if (found == spilled_.end()) {
    in_memory_ -= bytes.size();
    memory_.Release(bytes);
    if (spills_) memory_.Trim();
    return;
  }
  munmap(bytes.data(), found->second.bytes);
  close(found->second.fd);
  in_files_ -= found->second.bytes;
  spilled_.erase(found);
  spills_ = !spilled_.empty();
}

Result<std::span<std::byte>> SpillFile::ResizeSpilled(std::map<std::byte*, Spilled>::iterator block,
                                                      uint64_t new_bytes) {
  const auto [old_memory, old] = *block;
  if (new_bytes > old.bytes) {
    if (const int error = posix_fallocate(old.fd, 0, static_cast<off_t>(new_bytes)); error != 0) {
      return Failed(directory_, "growing to", new_bytes, error);
    }
  }
  void* memory = mremap(old_memory, old.bytes, new_bytes, MREMAP_MAYMOVE);
  if (memory == MAP_FAILED) return Failed(directory_, "mapping", new_bytes, errno);
  if (new_bytes < old.bytes && ftruncate(old.fd, static_cast<off_t>(new_bytes)) != 0) {
    return Failed(directory_, "shrinking to", new_bytes, errno);
  }
  spilled_.erase(block);
  spilled_[static_cast<std::byte*>(memory)] = {new_bytes, old.fd};
  Count(0, new_bytes - old.bytes);
  return std::span(static_cast<std::byte*>(memory), new_bytes);
}

Result<std::span<std::byte>> SpillFile::Allocate(uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  return Take(bytes);
}

Result<std::span<std::byte>> SpillFile::Resize(std::span<std::byte> bytes, uint64_t new_bytes) {
  const std::lock_guard lock(mutex_);
  if (bytes.empty()) return Take(new_bytes);
  if (new_bytes == 0) {
    GiveBack(bytes);
    return std::span<std::byte>();
  }
  const auto found = spilled_.find(bytes.data());
  if (found != spilled_.end()) return ResizeSpilled(found, new_bytes);
  if (FitsInMemory(new_bytes, in_memory_ - bytes.size())) {
    TIDEMARK_ASSIGN_OR_RETURN(const auto memory, memory_.Resize(bytes, new_bytes));
    Count(new_bytes - bytes.size(), 0);
    return memory;
  }
  TIDEMARK_ASSIGN_OR_RETURN(const auto moved, Spill(new_bytes));
  std::memcpy(moved.data(), bytes.data(), std::min<uint64_t>(bytes.size(), new_bytes));
  GiveBack(bytes);
  return moved;
}

void SpillFile::Release(std::span<std::byte> bytes) {
  const std::lock_guard lock(mutex_);
  GiveBack(bytes);
}

uint64_t SpillFile::peak_bytes() const {
  const std::lock_guard lock(mutex_);
  return peak_;
}

uint64_t SpillFile::peak_spilled_bytes() const {
  const std::lock_guard lock(mutex_);
  return peak_spilled_;
}

void SpillFile::Breathe() {
  if (!spills_) return;
  const std::lock_guard lock(mutex_);
  if (easy_breaths_ > 0) {
    --easy_breaths_;
    return;
  }
  // Nothing becomes resident without a fault, and those are counted cheaper than pages are.
  const uint64_t faults = FaultsOfThisThread() - faults_at_look_;
  const bool same_thread = looked_by_ == std::this_thread::get_id();
  if (same_thread && resident_at_look_ + faults * kMostAFault < limits_.resident) return;
  resident_at_look_ = ResidentBytes();
  if (resident_at_look_ >= limits_.resident) {
    for (const auto& [memory, spilled] : spilled_) madvise(memory, spilled.bytes, MADV_DONTNEED);
    resident_at_look_ = ResidentBytes();
  }
  looked_by_ = std::this_thread::get_id();
  faults_at_look_ = FaultsOfThisThread();
  if (resident_at_look_ < limits_.resident) {
    easy_breaths_ = (limits_.resident - resident_at_look_) / kMostABreath;
  }
}

}  // namespace tidemark
