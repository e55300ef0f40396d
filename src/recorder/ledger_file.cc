// LedgerWriter: making, mapping and ending the file.
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "recorder/ledger_writer.h"
#include "recorder/sys.h"
#include "recorder/text.h"

namespace tidemark::recorder {
namespace {

using ledger::OffReason;

constexpr uint64_t kBackStep = 64 * 1024;  // pages asked of the file system at a time
constexpr int kMadvPopulateWrite = 23;     // Linux 5.14; an error where a store would raise SIGBUS
constexpr long kErrorInvalid = -22;

// Opens the folder, making it when absent. The default folder lies in a world-writable place, so it
// must be ours alone.
long OpenFolder(const char* folder) {
  Text default_folder;
  const auto uid = static_cast<uint64_t>(Syscall(SYS_geteuid));
  const bool is_default = folder == nullptr;
  if (is_default) {
    default_folder.Append("/tmp/tidemark-").AppendNumber(uid);
    folder = default_folder.c_str();
  }
  Syscall(SYS_mkdir, Address(folder), 0700);
  const long fd = Syscall(SYS_open, Address(folder),
                          O_RDONLY | O_DIRECTORY | O_CLOEXEC | (is_default ? O_NOFOLLOW : 0));
  if (Failed(fd) || !is_default) return fd;
  struct stat info;
  const long result = Syscall(SYS_fstat, static_cast<uint64_t>(fd), Address(&info));
  if (Failed(result) || info.st_uid != uid || (info.st_mode & 022) != 0) {
    Syscall(SYS_close, static_cast<uint64_t>(fd));
    return -1;
  }
  return fd;
}

}  // namespace

// The file gets its full length at once and its pages in steps, each before its first use. Kernels
// that cannot say whether a page can be had get a file without holes.
bool LedgerWriter::MapFile(int fd) {
  all_backed_ = false;
  if (Failed(Syscall(SYS_ftruncate, static_cast<uint64_t>(fd), ledger::kFileSize))) return false;
  const long at = Syscall(SYS_mmap, 0, ledger::kFileSize, PROT_READ | PROT_WRITE, MAP_SHARED,
                          static_cast<uint64_t>(fd), 0);
  if (Failed(at)) return false;
  file_ = reinterpret_cast<uint8_t*>(at);
  const long result =
      Syscall(SYS_madvise, static_cast<uint64_t>(at), ledger::kPage, kMadvPopulateWrite);
  if (result == 0) return true;
  if (result == kErrorInvalid) {
    all_backed_ =
        !Failed(Syscall(SYS_fallocate, static_cast<uint64_t>(fd), 0, 0, ledger::kFileSize));
    if (all_backed_) return true;
  }
  Unmap();
  return false;
}

// A file-size limit below ours would raise SIGXFSZ in the host.
static bool FileSizeAllowed() {
  rlimit limit{};
  const long result = Syscall(SYS_prlimit64, 0, RLIMIT_FSIZE, 0, Address(&limit));
  return Failed(result) || limit.rlim_cur >= ledger::kFileSize;
}

OffReason LedgerWriter::Create(const LedgerOptions& options) {
  if (control_ == nullptr) {
    control_ = static_cast<Control*>(MapAnonymous(sizeof(Control), PROT_READ | PROT_WRITE));
    if (control_ == nullptr) return OffReason::kAddressSpace;
  }
  if (!FileSizeAllowed()) return OffReason::kFileRefused;
  const long folder = OpenFolder(options.folder);
  if (Failed(folder)) return OffReason::kFileRefused;
  const auto folder_fd = static_cast<uint64_t>(folder);
  Text temporary;
  Text name;
  const auto pid = static_cast<uint64_t>(Syscall(SYS_getpid));
  temporary.Append(".")
      .AppendNumber(pid)
      .Append(".")
      .AppendNumber(ClockNs(CLOCK_MONOTONIC))
      .Append(".new");
  name.AppendNumber(pid).Append(".ledger");
  OffReason reason = OffReason::kFileRefused;
  const long fd = Syscall(SYS_openat, folder_fd, Address(temporary.c_str()),
                          O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (!Failed(fd)) {
    if (MapFile(static_cast<int>(fd))) {
      if (!FillHeader(options)) {
        reason = OffReason::kDiskFull;
      } else if (!Failed(Syscall(SYS_renameat, folder_fd, Address(temporary.c_str()), folder_fd,
                                 Address(name.c_str())))) {
        reason = OffReason::kNone;
      }
    } else {
      reason = OffReason::kDiskFull;
    }
    if (reason != OffReason::kNone) {
      Syscall(SYS_unlinkat, folder_fd, Address(temporary.c_str()), 0);
      Unmap();
    }
    Syscall(SYS_close, static_cast<uint64_t>(fd));
  }
  if (reason == OffReason::kNone) {
    Text link;
    link.Append("/proc/self/fd/").AppendNumber(folder_fd);
    const long bytes =
        Syscall(SYS_readlink, Address(link.c_str()), Address(path_), sizeof path_ - 32);
    size_t end = Failed(bytes) ? 0 : static_cast<size_t>(bytes);
    if (end > 0) {
      path_[end++] = '/';
      memcpy(path_ + end, name.c_str(), strlen(name.c_str()) + 1);
    }
  }
  Syscall(SYS_close, folder_fd);
  return reason;
}

bool LedgerWriter::FillHeader(const LedgerOptions& options) {
  backed_modules_ = ledger::kModulesOffset;
  backed_stacks_ = ledger::kStacksOffset;
  backed_frames_ = ledger::kFramesOffset;
  backed_live_ = ledger::kLiveOffset;

  ledger::Header* h = header();
  h->version = ledger::kVersion;
  h->header_size = sizeof *h;
  h->file_size = ledger::kFileSize;
  h->modules = {ledger::kModulesOffset, ledger::kModuleCapacity, sizeof(ledger::Module)};
  h->stacks = {ledger::kStacksOffset, ledger::kStackCapacity, sizeof(ledger::Stack)};
  h->frames = {ledger::kFramesOffset, ledger::kFrameCapacity, sizeof(uint64_t)};
  h->live = {ledger::kLiveOffset, ledger::kLiveCapacity, sizeof(ledger::LiveSample)};
  h->pid = static_cast<uint64_t>(Syscall(SYS_getpid));
  h->parent_pid = static_cast<uint64_t>(Syscall(SYS_getppid));
  h->start_unix_ns = ClockNs(CLOCK_REALTIME);
  h->start_monotonic_ns = ClockNs(CLOCK_MONOTONIC);
  h->sample_bytes = options.sample_bytes;
  h->interval_shift = options.interval_shift;
  h->forked = options.forked ? 1 : 0;
  Syscall(SYS_readlink, Address("/proc/self/exe"), Address(h->exe_path), sizeof h->exe_path - 1);
  memcpy(h->recorder_version, "tidemark 0.1.0", sizeof "tidemark 0.1.0");
  if (!Back(ledger::kStacksOffset + sizeof(ledger::Stack), ledger::kFramesOffset, &backed_stacks_))
    return false;
  __atomic_store_n(&stack(ledger::kUnknownStack)->state, 1, __ATOMIC_RELEASE);
  control_->stacks_used = 1;
  h->stacks_used = 1;
  __atomic_store_n(&h->magic, ledger::kMagic, __ATOMIC_RELEASE);
  return true;
}

// Makes the file's pages up to `end` safe to store to. False when the disk is full: a plain store
// would end the host.
bool LedgerWriter::Back(uint64_t end, uint64_t section_end, uint64_t* backed) {
  if (end <= *backed || all_backed_) return true;
  uint64_t upto = (end + kBackStep - 1) / kBackStep * kBackStep;
  if (upto > section_end) upto = section_end;
  const long result =
      Syscall(SYS_madvise, Address(file_) + *backed, upto - *backed, kMadvPopulateWrite);
  if (result != 0) return false;
  *backed = upto;
  return true;
}

// Puts private memory where the file was mapped, so that whoever holds a pointer into it, in any
// thread, may go on.
void LedgerWriter::Detach() {
  constexpr uint64_t kPrivateFixed = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE;
  cut_short_ = true;
  all_backed_ = true;
  path_[0] = 0;
  Syscall(SYS_mmap, Address(file_), ledger::kFileSize, PROT_READ | PROT_WRITE, kPrivateFixed,
          static_cast<uint64_t>(-1), 0);
}

// A slot beyond what is backed is checked by itself: to read a hole of a full tmpfs fails too.
void LedgerWriter::BeginStores() {
  const uint64_t end = all_backed_ ? ledger::kFileSize : backed_live_;
  if (end == 0) return;
  const uint64_t last = Address(file_) + end - sizeof(uint64_t);
  if (!Readable(last)) Detach();
  readable_end_.store(last, std::memory_order_relaxed);
}

void LedgerWriter::Unmap() {
  if (file_ != nullptr) Syscall(SYS_munmap, Address(file_), ledger::kFileSize);
  file_ = nullptr;
}

void LedgerWriter::Forget() {
  DropInherited();
  inherited_ = file_;
  file_ = nullptr;
  cut_short_ = false;
  path_[0] = 0;
  if (control_ != nullptr) Syscall(SYS_madvise, Address(control_), sizeof(Control), MADV_DONTNEED);
}

const ledger::Module* LedgerWriter::InheritedModule(int index) const {
  if (inherited_ == nullptr || index < 0) return nullptr;
  const auto* module =
      reinterpret_cast<const ledger::Module*>(inherited_ + ledger::kModulesOffset) + index;
  return Readable(Address(module)) ? module : nullptr;
}

void LedgerWriter::DropInherited() {
  if (inherited_ != nullptr) Syscall(SYS_munmap, Address(inherited_), ledger::kFileSize);
  inherited_ = nullptr;
}

void LedgerWriter::CountLoss(ledger::Loss loss) {
  if (file_ != nullptr) {
    __atomic_fetch_add(&header()->losses[static_cast<uint32_t>(loss)], 1, __ATOMIC_RELAXED);
  }
}

void LedgerWriter::SetState(ledger::State state, OffReason reason) {
  if (file_ == nullptr) return;
  header()->off_reason = static_cast<uint32_t>(reason);
  __atomic_store_n(&header()->state, static_cast<uint32_t>(state), __ATOMIC_RELEASE);
}

void LedgerWriter::Exit() {
  if (file_ == nullptr) return;
  if (header()->samples == 0 && header()->state == static_cast<uint32_t>(ledger::State::kActive)) {
    if (path_[0] != 0) Syscall(SYS_unlink, Address(path_));
  }
  if (header()->state == static_cast<uint32_t>(ledger::State::kActive)) {
    SetState(ledger::State::kExited, OffReason::kNone);
  }
}

}  // namespace tidemark::recorder
