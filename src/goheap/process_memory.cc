#include "goheap/process_memory.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <thread>

#include "goheap/process_stop.h"

namespace tidemark::goheap {
namespace {

constexpr uint64_t kJobBytes = 4 << 20;     // what a thread copies at a time
constexpr uint64_t kSparseBytes = 1 << 20;  // from here on a range is asked for untouched pages
constexpr size_t kMaxPieces = 512;          // of a call of process_vm_readv; IOV_MAX is 1024

struct Job {
  uint64_t begin = 0, end = 0;
  std::byte* into = nullptr;
};

// Runs of pages of [begin, end) that are in memory or swapped out, by /proc/PID/pagemap: bits 63
// and 62 of the word of each page.
class PageMap {
 public:
  explicit PageMap(pid_t pid)
      : fd_(open(("/proc/" + std::to_string(pid) + "/pagemap").c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~PageMap() {
    if (fd_ >= 0) close(fd_);
  }
  PageMap(const PageMap&) = delete;

  template <typename Take>
  void Runs(uint64_t begin, uint64_t end, Take take) const {
    const uint64_t page = sysconf(_SC_PAGESIZE);
    std::vector<uint64_t> words(4096);
    uint64_t run = begin;
    for (uint64_t at = begin / page * page; at < end;) {
      const size_t count = std::min<uint64_t>(words.size(), (end - at + page - 1) / page);
      const ssize_t got = fd_ < 0 ? 0 : pread(fd_, words.data(), count * 8, at / page * 8);
      if (got <= 0) break;  // not to be had: all that is left counts as there
      for (ssize_t i = 0; i < got / 8; ++i, at += page) {
        if ((words[i] >> 62) != 0) continue;
        if (run < at) take(run, std::min(at, end));
        run = at + page;
      }
    }
    if (run < end) take(run, end);
  }

 private:
  const int fd_;
};

// Of a vector of jobs the bytes that could be read. What a job's first failing page hides is lost,
// so a batch that fails is read again piece by piece, and a piece page by page.
uint64_t ReadPieces(pid_t pid, std::span<const Job> jobs) {
  iovec local[kMaxPieces] = {}, remote[kMaxPieces] = {};
  uint64_t wanted = 0;
  for (size_t i = 0; i < jobs.size(); ++i) {
    const size_t bytes = jobs[i].end - jobs[i].begin;
    local[i] = {jobs[i].into, bytes};
    remote[i] = {reinterpret_cast<void*>(jobs[i].begin), bytes};
    wanted += bytes;
  }
  const ssize_t got = process_vm_readv(pid, local, jobs.size(), remote, jobs.size(), 0);
  if (got == static_cast<ssize_t>(wanted)) return wanted;
  uint64_t done = 0;
  if (jobs.size() > 1) {
    for (const Job& job : jobs) done += ReadPieces(pid, {&job, 1});
    return done;
  }
  constexpr uint64_t kPage = 4096;
  const Job& job = jobs[0];
  if (job.end - job.begin <= kPage) return 0;
  for (uint64_t at = job.begin; at < job.end;) {
    const uint64_t stop = std::min(job.end, (at / kPage + 1) * kPage);
    const Job page{at, stop, job.into + (at - job.begin)};
    done += ReadPieces(pid, {&page, 1});
    at = stop;
  }
  return done;
}

// Batches of neighbouring jobs: first and one past the last.
std::vector<std::span<const Job>> Batches(const std::vector<Job>& jobs) {
  std::vector<std::span<const Job>> batches;
  for (size_t first = 0; first < jobs.size();) {
    uint64_t bytes = 0;
    size_t last = first;
    while (last < jobs.size() && last - first < kMaxPieces && bytes < kJobBytes) {
      bytes += jobs[last].end - jobs[last].begin;
      ++last;
    }
    batches.push_back({&jobs[first], last - first});
    first = last;
  }
  return batches;
}

uint64_t ReadAll(pid_t pid, const std::vector<Job>& jobs, int threads) {
  const auto batches = Batches(jobs);
  std::atomic<size_t> next = 0;
  std::atomic<uint64_t> done = 0;
  const auto work = [&] {
    for (size_t i; (i = next.fetch_add(1)) < batches.size();) done += ReadPieces(pid, batches[i]);
  };
  std::vector<std::thread> helpers;
  for (int i = 1; i < threads && static_cast<size_t>(i) < batches.size(); ++i) {
    helpers.emplace_back(work);
  }
  work();
  for (std::thread& helper : helpers) helper.join();
  return done;
}

}  // namespace

std::vector<AddressRange> JoinRanges(std::vector<AddressRange> ranges, uint64_t gap) {
  std::sort(ranges.begin(), ranges.end(),
            [](const AddressRange& a, const AddressRange& b) { return a.begin < b.begin; });
  std::vector<AddressRange> joined;
  for (const AddressRange& range : ranges) {
    if (range.begin >= range.end) continue;
    if (!joined.empty() && range.begin <= joined.back().end + gap) {
      joined.back().end = std::max(joined.back().end, range.end);
    } else {
      joined.push_back(range);
    }
  }
  return joined;
}

Result<CopySpace> CopySpace::Make(uint64_t bytes, const std::string& directory) {
  CopySpace space;
  if (bytes == 0) return space;
  int fd = -1, flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  if (!directory.empty()) {
    fd = open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0) {  // a file system without unnamed files
      std::string path = directory + "/tidemark-copy-XXXXXX";
      fd = mkostemp(path.data(), O_CLOEXEC);
      if (fd >= 0) unlink(path.c_str());
    }
    if (fd < 0) return IoError(directory + ": no temporary file: " + std::strerror(errno));
    if (const int problem = posix_fallocate(fd, 0, bytes); problem != 0) {
      close(fd);
      return TooLarge(directory + ": no room for a copy of " + std::to_string(bytes) +
                      " bytes: " + std::strerror(problem));
    }
    flags = MAP_SHARED;
  }
  void* mapped = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, flags, fd, 0);
  const int problem = errno;
  if (fd >= 0) close(fd);
  if (mapped == MAP_FAILED) {
    return TooLarge("no memory for a copy of " + std::to_string(bytes) +
                    " bytes: " + std::strerror(problem));
  }
  space.bytes_ = {static_cast<std::byte*>(mapped), bytes};
  if (fd < 0) madvise(mapped, bytes, MADV_HUGEPAGE);
  madvise(mapped, bytes, MADV_POPULATE_WRITE);  // an older kernel makes the pages as they are used
  return space;
}

CopySpace::~CopySpace() {
  if (!bytes_.empty()) munmap(bytes_.data(), bytes_.size());
}

Result<std::unique_ptr<ProcessMemory>> ProcessMemory::Open(pid_t pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/mem";
  const int memory = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (memory >= 0) return std::unique_ptr<ProcessMemory>(new ProcessMemory(pid, memory));
  if (errno == ENOENT) return NotFound("process " + std::to_string(pid) + " is not there");
  if (errno == EACCES || errno == EPERM) return MayNotTrace(pid);
  if (errno == ESRCH) {
    return InvalidArgument("process " + std::to_string(pid) +
                           " has no memory of its own: a kernel thread, or it has ended");
  }
  return IoError(path + ": " + std::strerror(errno));
}

ProcessMemory::~ProcessMemory() { close(memory_); }

Result<void> ProcessMemory::Copy(const std::vector<AddressRange>& ranges, CopySpace space,
                                 int threads) {
  const PageMap pages(pid_);
  std::vector<Job> jobs;
  std::span<std::byte> room = space.bytes();
  for (const auto& [begin, end] : ranges) {
    if (end - begin > room.size()) {
      return TooLarge("the copy of process " + std::to_string(pid_) + " takes more than the " +
                      std::to_string(space.bytes().size()) + " bytes it was given");
    }
    const auto add = [&, begin = begin](uint64_t from, uint64_t to) {
      for (uint64_t at = from; at < to; at += kJobBytes) {
        jobs.push_back({at, std::min(to, at + kJobBytes), room.data() + (at - begin)});
      }
    };
    if (end - begin < kSparseBytes) {
      add(begin, end);
    } else {
      pages.Runs(begin, end, add);
    }
    known_.Add(begin, room.first(end - begin));
    room = room.subspan(end - begin);
  }
  space_ = std::move(space);
  uint64_t wanted = 0;
  for (const Job& job : jobs) wanted += job.end - job.begin;
  copied_bytes_ = ReadAll(pid_, jobs, threads);
  unreadable_bytes_ = wanted - copied_bytes_;
  if (wanted > 0 && copied_bytes_ == 0) {
    return NotFound("process " + std::to_string(pid_) + ": none of its heap could be read");
  }
  return {};
}

const ProcessMemory::Block* ProcessMemory::FetchBlock(uint64_t begin) const {
  if (begin == last_begin_) return last_block_;
  auto found = blocks_.find(begin);
  if (found == blocks_.end()) {
    if (settled_ || block_count_ >= kMaxBlocks || blocks_.size() >= 16 * kMaxBlocks) return nullptr;
    std::unique_ptr<Block> block(new Block);  // its bytes are not zeroed
    for (uint64_t at = 0; at < kBlockBytes;) {
      const ssize_t got = pread(memory_, block->bytes + at, kBlockBytes - at, begin + at);
      const uint64_t stop = at + (got > 0 ? got / kPageBytes * kPageBytes : 0);
      for (; at < stop; at += kPageBytes) block->readable |= 1u << (at / kPageBytes);
      at += kPageBytes;  // the page it failed at
    }
    block_count_ += block->readable != 0 ? 1 : 0;
    if (block->readable == 0) block.reset();
    found = blocks_.emplace(begin, std::move(block)).first;
  }
  last_begin_ = begin;
  return last_block_ = found->second.get();
}

const std::byte* ProcessMemory::View(uint64_t address, uint64_t count) const {
  if (const std::byte* known = known_.View(address, count)) return known;
  const uint64_t begin = address & ~(kBlockBytes - 1), offset = address - begin;
  if (count == 0 || count > kBlockBytes - offset) return nullptr;
  const Block* block = FetchBlock(begin);
  if (block == nullptr) return nullptr;
  for (uint64_t page = offset / kPageBytes; page <= (offset + count - 1) / kPageBytes; ++page) {
    if ((block->readable >> page & 1) == 0) return nullptr;
  }
  return block->bytes + offset;
}

bool ProcessMemory::Read(uint64_t address, std::span<std::byte> into) const {
  while (!into.empty()) {
    // To the end of a page: none is partly known.
    const size_t count = std::min<uint64_t>(into.size(), kPageBytes - address % kPageBytes);
    if (const std::byte* bytes = View(address, count)) {
      std::memcpy(into.data(), bytes, count);
    } else if (!known_.Read(address, into.first(count))) {
      return false;
    }
    into = into.subspan(count);
    address += count;
  }
  return true;
}

void ProcessMemory::Touch(uint64_t address, uint64_t count) const {
  const uint64_t end = address + std::min(count, ~address);
  for (uint64_t at = address; at < end; at = (at / kBlockBytes + 1) * kBlockBytes) {
    if (known_.View(at, 1) == nullptr) FetchBlock(at & ~(kBlockBytes - 1));
    if (at / kBlockBytes == (end - 1) / kBlockBytes) break;
  }
}

}  // namespace tidemark::goheap
