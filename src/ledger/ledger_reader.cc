#include "ledger/ledger_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>

namespace tidemark {
namespace {

using namespace ledger;  // NOLINT: this file is about nothing else

constexpr uint64_t kMaxSampleBytes = uint64_t{1} << 40;
constexpr uint32_t kMaxShift = 32;
constexpr int kSlotAttempts =
    4;  // a slot that changes this often is being reused, not ours to wait for

// Where the bytes come from. Read copies exactly `size` bytes, or fails.
class Source {
 public:
  virtual ~Source() = default;
  virtual bool Read(uint64_t offset, void* out, size_t size) const = 0;
};

class MemorySource : public Source {
 public:
  MemorySource(const uint8_t* bytes, size_t size) : bytes_(bytes), size_(size) {}
  bool Read(uint64_t offset, void* out, size_t size) const override {
    if (offset > size_ || size > size_ - offset) return false;
    if (size == 0) return true;  // `out` may then be null, which memcpy does not allow
    std::memcpy(out, bytes_ + offset, size);
    return true;
  }

 private:
  const uint8_t* bytes_;
  size_t size_;
};

// pread rather than mmap: a file cut short under the reader is an error here, and would be a SIGBUS
// there.
class FileSource : public Source {
 public:
  explicit FileSource(int fd) : fd_(fd) {}
  bool Read(uint64_t offset, void* out, size_t size) const override {
    auto* to = static_cast<char*>(out);
    while (size > 0) {
      const ssize_t got = pread(fd_, to, size, static_cast<off_t>(offset));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return false;
      to += got;
      offset += static_cast<uint64_t>(got);
      size -= static_cast<size_t>(got);
    }
    return true;
  }

 private:
  int fd_;
};

std::string BoundedString(const char* bytes, size_t capacity) {
  return std::string(bytes, strnlen(bytes, capacity));
}

bool SectionIs(const Section& section, uint64_t offset, uint32_t capacity, size_t entry_size) {
  return section.offset == offset && section.capacity == capacity &&
         section.entry_size == entry_size;
}

Result<void> CheckHeader(const Header& header) {
  if (header.magic == 0) return Unavailable("ledger: the recorder is still making it (no magic)");
  if (header.magic != kMagic) return Corrupt("ledger: wrong magic; not a ledger");
  if (header.version != kVersion) {
    return Corrupt("ledger: version " + std::to_string(header.version) +
                   "; this reader knows version " + std::to_string(kVersion));
  }
  const bool layout_fits =
      header.header_size == sizeof(Header) && header.file_size == kFileSize &&
      SectionIs(header.modules, kModulesOffset, kModuleCapacity, sizeof(Module)) &&
      SectionIs(header.stacks, kStacksOffset, kStackCapacity, sizeof(Stack)) &&
      SectionIs(header.frames, kFramesOffset, kFrameCapacity, sizeof(uint64_t)) &&
      SectionIs(header.live, kLiveOffset, kLiveCapacity, sizeof(LiveSample));
  if (!layout_fits) return Corrupt("ledger: section table is not that of version 1");
  if (header.sample_bytes == 0 || header.sample_bytes > kMaxSampleBytes) {
    return Corrupt("ledger: sampling interval of " + std::to_string(header.sample_bytes) +
                   " bytes");
  }
  if (header.interval_shift > kMaxShift) {
    return Corrupt("ledger: interval doubled " + std::to_string(header.interval_shift) + " times");
  }
  return {};
}

LedgerHeader HeaderOf(const Header& raw) {
  LedgerHeader out;
  out.pid = raw.pid;
  out.parent_pid = raw.parent_pid;
  out.start_unix_ns = static_cast<int64_t>(raw.start_unix_ns);
  out.first_sample_bytes = raw.sample_bytes;
  out.sample_bytes = raw.sample_bytes << raw.interval_shift;
  out.interval_doublings = raw.interval_shift;
  out.state = static_cast<State>(raw.state);
  out.off_reason = static_cast<OffReason>(raw.off_reason);
  out.forked = raw.forked != 0;
  out.samples = raw.samples;
  out.sampled_frees = raw.sampled_frees;
  out.thinned = raw.thinned;
  std::copy(std::begin(raw.losses), std::end(raw.losses), out.losses.begin());
  out.slab_bytes = raw.slab_bytes;
  out.exe_path = BoundedString(raw.exe_path, sizeof raw.exe_path);
  out.recorder_version = BoundedString(raw.recorder_version, sizeof raw.recorder_version);
  return out;
}

// The first `used` entries of a section, copied.
template <typename T>
Result<std::vector<T>> ReadSection(const Source& source, const Section& section, uint32_t used,
                                   const char* name) {
  std::vector<T> entries(std::min(used, section.capacity));
  if (!source.Read(section.offset, entries.data(), entries.size() * sizeof(T))) {
    return Corrupt(std::string("ledger: cut short within section ") + name);
  }
  return entries;
}

void AddModules(const std::vector<Module>& raw, LedgerSnapshot* out) {
  for (const Module& module : raw) {
    if (module.state == 0) continue;
    if (module.state != 1 || module.start >= module.limit ||
        module.build_id_bytes > kMaxBuildIdBytes || module.path_bytes >= kMaxModulePathBytes) {
      ++out->damaged;
      continue;
    }
    out->modules.push_back({
        .start = module.start,
        .limit = module.limit,
        .file_offset = module.file_offset,
        .load_bias = module.load_bias,
        .unloaded = module.unloaded_monotonic_ns != 0,
        .build_id =
            std::string(reinterpret_cast<const char*>(module.build_id), module.build_id_bytes),
        .path = std::string(module.path, module.path_bytes),
    });
  }
}

bool StackIsPossible(const Stack& stack, size_t frames) {
  return stack.state == 1 && stack.depth <= kMaxFrames && stack.first_frame <= frames &&
         stack.depth <= frames - stack.first_frame && std::isfinite(stack.alloc_bytes) &&
         stack.alloc_bytes >= 0 && std::isfinite(stack.alloc_objects) && stack.alloc_objects >= 0;
}

// Fills out->stacks; a stack that is not published or impossible stays empty. Returns which are
// usable.
std::vector<bool> AddStacks(const std::vector<Stack>& raw, const std::vector<uint64_t>& frames,
                            LedgerSnapshot* out) {
  out->stacks.resize(std::max<size_t>(raw.size(), 1));
  std::vector<bool> usable(out->stacks.size());
  usable[kUnknownStack] = true;
  for (size_t i = 0; i < raw.size(); ++i) {
    if (raw[i].state == 0) continue;
    if (!StackIsPossible(raw[i], frames.size())) {
      ++out->damaged;
      continue;
    }
    LedgerStack& stack = out->stacks[i];
    const auto first = frames.begin() + raw[i].first_frame;
    stack.frames.assign(first, first + raw[i].depth);
    stack.samples = raw[i].samples;
    stack.alloc_bytes = raw[i].alloc_bytes;
    stack.alloc_objects = raw[i].alloc_objects;
    usable[i] = true;
  }
  return usable;
}

bool SameBytes(const LiveSample& a, const LiveSample& b) {
  return std::memcmp(&a, &b, sizeof a) == 0;
}

// Two copies made one after the other agree: the slot was at rest. Otherwise tries again a few
// times. False when it is free or keeps changing.
bool SettleSlot(const Source& source, size_t index, const LiveSample& second, LiveSample* slot) {
  LiveSample last = second;
  for (int attempt = 0; !SameBytes(*slot, last); ++attempt) {
    if (attempt == kSlotAttempts) return false;
    *slot = last;
    if (!source.Read(kLiveOffset + index * sizeof(LiveSample), &last, sizeof last)) return false;
  }
  return (slot->state & 0xff) == kSlotLive;
}

int64_t ToUnixNs(const Header& header, uint64_t monotonic_ns) {
  const uint64_t since_start =
      monotonic_ns > header.start_monotonic_ns ? monotonic_ns - header.start_monotonic_ns : 0;
  constexpr uint64_t kMax = std::numeric_limits<int64_t>::max();
  if (header.start_unix_ns > kMax || since_start > kMax - header.start_unix_ns) return 0;
  return static_cast<int64_t>(header.start_unix_ns + since_start);
}

// With which such a block is sampled.
double ProbabilityOf(const Header& header, const LiveSample& slot) {
  if (slot.interval_shift == kExactShift) return 1;
  const double interval = static_cast<double>(header.sample_bytes << slot.interval_shift);
  return -std::expm1(-static_cast<double>(slot.size) / interval);
}

void AddLive(const Header& header, const LiveSample& slot, const std::vector<bool>& usable,
             LedgerSnapshot* out) {
  if (slot.stack >= usable.size() || !usable[slot.stack] || slot.size == 0 ||
      (slot.interval_shift > kMaxShift && slot.interval_shift != kExactShift)) {
    ++out->damaged;
    return;
  }
  LedgerSample sample;
  sample.address = slot.address;
  sample.size = slot.size;
  sample.stack = slot.stack;
  const double probability = ProbabilityOf(header, slot);
  sample.objects = 1 / probability;
  sample.bytes = static_cast<double>(slot.size) / probability;
  sample.alloc_unix_ns = ToUnixNs(header, slot.alloc_monotonic_ns);
  std::copy(std::begin(slot.trace_id), std::end(slot.trace_id), sample.trace_id.begin());
  std::copy(std::begin(slot.span_id), std::end(slot.span_id), sample.span_id.begin());
  sample.has_span =
      std::any_of(sample.trace_id.begin(), sample.trace_id.end(), [](uint8_t b) { return b; });
  out->live.push_back(sample);
}

Result<LedgerSnapshot> ReadFrom(const Source& source) {
  Header header;
  if (!source.Read(0, &header, sizeof header)) return Corrupt("ledger: shorter than its header");
  TIDEMARK_RETURN_IF_ERROR(CheckHeader(header));

  // Live slots, settled, before stacks: a slot refers to a stack that was published before it.
  TIDEMARK_ASSIGN_OR_RETURN(auto first,
                            ReadSection<LiveSample>(source, header.live, header.live_used, "live"));
  TIDEMARK_ASSIGN_OR_RETURN(auto second,
                            ReadSection<LiveSample>(source, header.live, header.live_used, "live"));
  std::vector<LiveSample> settled;
  for (size_t i = 0; i < first.size(); ++i) {
    if (SettleSlot(source, i, second[i], &first[i])) settled.push_back(first[i]);
  }
  Header later;
  if (!source.Read(0, &later, sizeof later)) return Corrupt("ledger: shorter than its header");
  TIDEMARK_ASSIGN_OR_RETURN(auto stacks,
                            ReadSection<Stack>(source, header.stacks, later.stacks_used, "stacks"));
  TIDEMARK_ASSIGN_OR_RETURN(
      auto frames, ReadSection<uint64_t>(source, header.frames, later.frames_used, "frames"));
  TIDEMARK_ASSIGN_OR_RETURN(
      auto modules, ReadSection<Module>(source, header.modules, later.modules_used, "modules"));

  LedgerSnapshot out;
  out.header = HeaderOf(header);
  AddModules(modules, &out);
  const std::vector<bool> usable = AddStacks(stacks, frames, &out);
  for (const LiveSample& slot : settled) AddLive(header, slot, usable, &out);
  return out;
}

}  // namespace

Result<LedgerSnapshot> ParseLedger(const uint8_t* bytes, size_t size) {
  return ReadFrom(MemorySource(bytes, size));
}

Result<LedgerSnapshot> ReadLedger(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    const std::string message = "cannot open " + path + ": " + std::strerror(errno);
    return errno == ENOENT ? NotFound(message) : IoError(message);
  }
  auto snapshot = ReadLedger(fd, path);
  close(fd);
  return snapshot;
}

Result<LedgerSnapshot> ReadLedger(int fd, const std::string& path) {
  struct stat info;
  if (fstat(fd, &info) != 0) return IoError("cannot stat " + path + ": " + std::strerror(errno));
  if (!S_ISREG(info.st_mode)) return Corrupt(path + ": not a regular file, so not a ledger");
  auto snapshot = ReadFrom(FileSource(fd));
  if (!snapshot)
    return Error{snapshot.error().code, path + ": " + snapshot.error().message,
                 snapshot.error().retryable};
  return snapshot;
}

}  // namespace tidemark
