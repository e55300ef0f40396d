#include "collect/perf_map.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "base/time.h"

namespace tidemark {
namespace {

// The hexadecimal number that `line` begins with, and the blank behind it, taken off.
bool TakeHex(std::string_view* line, uint64_t* value) {
  const char* end = line->data() + line->size();
  const auto [after, error] = std::from_chars(line->data(), end, *value, 16);
  if (error != std::errc() || after == end || *after != ' ') return false;
  line->remove_prefix(static_cast<size_t>(after - line->data()) + 1);
  return true;
}

}  // namespace

PerfMap PerfMap::Read(const std::string& path, int64_t since_ns) {
  std::string text;
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
  if (fd < 0) return {};
  struct stat info;
  if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_mtime >= since_ns / kNsPerSecond) {
    text.resize(std::min<size_t>(static_cast<size_t>(info.st_size), kMaxBytes));
    size_t done = 0;
    while (done < text.size()) {
      const ssize_t got = read(fd, text.data() + done, text.size() - done);
      if (got <= 0) break;
      done += static_cast<size_t>(got);
    }
    text.resize(done);
  }
  close(fd);
  return Parse(text);
}

PerfMap PerfMap::Parse(std::string_view text) {
  PerfMap map;
  while (!text.empty() && map.functions_.size() < kMaxFunctions) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    uint64_t start = 0, size = 0;
    if (!TakeHex(&line, &start) || !TakeHex(&line, &size) || line.empty()) continue;
    if (start == 0 || size == 0 || size > UINT64_MAX - start) continue;
    std::string name(line.substr(0, kMaxName));
    std::replace_if(
        name.begin(), name.end(), [](unsigned char c) { return c < ' '; }, '?');
    map.functions_.insert_or_assign(start, Function{start + size, std::move(name)});
  }
  return map;
}

std::vector<SymbolFrame> PerfMap::Frames(uint64_t address) const {
  auto at = functions_.upper_bound(address);
  if (at == functions_.begin() || address >= (--at)->second.limit) return {};
  const std::string& name = at->second.name;
  SymbolFrame frame{.function = name, .system_name = name};
  const size_t file = name.find(':', 4);
  if (name.starts_with("py::") && file != std::string::npos && file > 4) {
    frame.function = frame.system_name = name.substr(4, file - 4);
    frame.file = name.substr(file + 1);
  }
  return {frame};
}

}  // namespace tidemark
