#include "collect/proc_files.h"

#include <dirent.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <fstream>
#include <memory>
#include <sstream>
#include <vector>

namespace tidemark {
namespace {

constexpr size_t kMaxFileBytes = 1 << 20;
constexpr size_t kMaxValueBytes = 16 << 10;
constexpr size_t kMaxCommandBytes = 1024;
constexpr size_t kContainerDigits = 64;

uint64_t NumberIn(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? number : 0;
}

bool IsHex(char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; }

}  // namespace

std::string ProcFiles::Path(uint64_t pid, const char* name) const {
  return root_ + "/proc/" + std::to_string(pid) + "/" + name;
}

std::string ProcFiles::ReadFile(uint64_t pid, const char* name, size_t max_bytes) const {
  std::ifstream in(Path(pid, name), std::ios::binary);
  std::string text(max_bytes, '\0');
  in.read(text.data(), static_cast<std::streamsize>(max_bytes));
  text.resize(static_cast<size_t>(std::max<std::streamsize>(in.gcount(), 0)));
  return text;
}

uint64_t ProcFiles::StartTicks(uint64_t pid) const {
  const std::string stat = ReadFile(pid, "stat", 4096);
  // "PID (name) S 1 2 ...": the name may hold anything; what follows its last ')' is numbers, and
  // the start is the 20th of them after the state (proc(5), field 22).
  const size_t close = stat.rfind(')');
  if (close == std::string::npos) return 0;
  std::istringstream fields(stat.substr(close + 1));
  std::string field;
  for (int i = 0; i < 20 && fields >> field; ++i) {
  }
  return fields ? NumberIn(field) : 0;
}

// The last number of the line "NSpid:", which is the id in the innermost namespace.
uint64_t ProcFiles::InnermostPid(uint64_t pid) const {
  std::istringstream lines(ReadFile(pid, "status", 16384));
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("NSpid:", 0) == 0) return NumberIn(line.substr(line.find_last_of(" \t") + 1));
  }
  return 0;
}

ProcFiles::Mapped ProcFiles::HasMapped(uint64_t pid, const LedgerFile& file) const {
  std::ifstream in(Path(pid, "maps"));
  if (!in) return Mapped::kUnknown;
  const std::string name = file.path.substr(file.path.rfind('/'));
  for (std::string line; std::getline(in, line);) {
    // "start-end perms offset major:minor inode path". The device is not compared: it is another
    // than stat's on file systems that stand on others (overlay, btrfs).
    std::istringstream fields(line);
    std::string range, permissions, offset, device, inode, path;
    fields >> range >> permissions >> offset >> device >> inode >> path;
    if (NumberIn(inode) == file.inode && path.ends_with(name)) return Mapped::kYes;
  }
  return Mapped::kNo;
}

std::optional<uint64_t> ProcFiles::WriterOf(const LedgerFile& file) const {
  const uint64_t same = StartTicks(file.pid) != 0 ? file.pid : 0;
  const Mapped by_same = same != 0 ? HasMapped(same, file) : Mapped::kNo;
  if (by_same == Mapped::kYes) return same;
  // In a container of its own pid namespace it has another id out here.
  const std::unique_ptr<DIR, int (*)(DIR*)> processes(opendir((root_ + "/proc").c_str()), closedir);
  while (const dirent* entry = processes ? readdir(processes.get()) : nullptr) {
    const uint64_t pid = NumberIn(entry->d_name);
    if (pid == 0 || pid == same || InnermostPid(pid) != file.pid) continue;
    if (HasMapped(pid, file) == Mapped::kYes) return pid;
  }
  if (by_same == Mapped::kUnknown) return same;
  return std::nullopt;
}

EnvironmentLookup ProcFiles::EnvironmentOf(uint64_t pid) const {
  return [text = ReadFile(pid, "environ", kMaxFileBytes)](const std::string& name) {
    const std::string wanted = name + "=";
    for (size_t at = 0; at < text.size();) {
      const size_t end = std::min(text.find('\0', at), text.size());
      if (text.compare(at, wanted.size(), wanted) == 0) {
        return text.substr(at + wanted.size(), std::min(end - at - wanted.size(), kMaxValueBytes));
      }
      at = end + 1;
    }
    return std::string();
  };
}

std::string ProcFiles::CommandLineOf(uint64_t pid) const {
  std::string text = ReadFile(pid, "cmdline", kMaxCommandBytes);
  while (!text.empty() && text.back() == '\0') text.pop_back();
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < ' '; }, ' ');
  return text;
}

std::string ProcFiles::ContainerOf(uint64_t pid) const {
  const std::string text = ReadFile(pid, "cgroup", 65536);
  for (size_t at = 0; at < text.size(); ++at) {
    if (!IsHex(text[at])) continue;
    size_t end = at;
    while (end < text.size() && IsHex(text[end])) ++end;
    if (end - at == kContainerDigits) return text.substr(at, kContainerDigits);
    at = end;
  }
  return "";
}

std::string ProcFiles::RootOf(uint64_t pid) const { return Path(pid, "root"); }

}  // namespace tidemark
