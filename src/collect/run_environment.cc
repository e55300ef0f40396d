#include "collect/run_environment.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

namespace tidemark {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "tidemark-run-";
constexpr int64_t kStaleSeconds = 3600;

fs::path ProgramFolder() {
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  return error ? fs::path() : self.parent_path();
}

bool IsReadableFile(const std::string& path) {
  std::error_code error;
  return fs::is_regular_file(path, error) && access(path.c_str(), R_OK) == 0;
}

// The process that made "tidemark-run-PID-XXXXXX", 0 = not such a name.
pid_t MakerOf(const std::string& name) {
  if (name.rfind(kPrefix, 0) != 0) return 0;
  return static_cast<pid_t>(std::strtol(name.c_str() + kPrefix.size(), nullptr, 10));
}

void RemoveStale(const fs::path& base) {
  std::error_code error;
  for (fs::directory_iterator it(base, error), end; !error && it != end; it.increment(error)) {
    const pid_t maker = MakerOf(it->path().filename().string());
    struct stat info;
    if (maker <= 0 || lstat(it->path().c_str(), &info) != 0) continue;
    const bool ours = S_ISDIR(info.st_mode) && info.st_uid == geteuid();
    const bool old = time(nullptr) - info.st_mtime > kStaleSeconds;
    const bool dead = kill(maker, 0) != 0 && errno == ESRCH;
    std::error_code ignored;
    if (ours && old && dead) fs::remove_all(it->path(), ignored);
  }
}

// A folder in memory keeps the kernel from writing the ledger's pages to a disk.
std::string TemporaryBase() {
  struct stat info;
  const bool shm =
      stat("/dev/shm", &info) == 0 && S_ISDIR(info.st_mode) && access("/dev/shm", W_OK | X_OK) == 0;
  if (shm) return "/dev/shm";
  std::error_code error;
  const fs::path temp = fs::temp_directory_path(error);
  return error ? "/tmp" : temp.string();
}

bool HasKey(const std::string& entry, const std::string& key) {
  return entry.size() > key.size() && entry.compare(0, key.size(), key) == 0 &&
         entry[key.size()] == '=';
}

// OTEL_RESOURCE_ATTRIBUTES with ours added. The instance id comes last and ends in the host and a
// dash: the child appends its pid. False when the user set the id, so that nothing is to append.
bool ResourceVariable(const ServiceIdentity& identity, std::string* out) {
  Attributes attributes;
  for (const auto& item : identity.attributes) {
    if (item.first != "service.instance.id") attributes.push_back(item);
  }
  attributes.emplace_back("service.name", identity.service);
  if (!identity.version.empty()) attributes.emplace_back("service.version", identity.version);
  Normalize(&attributes);
  const bool append = identity.instance.empty();
  attributes.emplace_back("service.instance.id", append ? identity.host + "-" : identity.instance);
  *out = "OTEL_RESOURCE_ATTRIBUTES=" + FormatResourceAttributes(attributes);
  return append;
}

}  // namespace

Result<std::string> FindRecorder(const RunOptions& options, const EnvironmentLookup& environment) {
  std::vector<std::string> places;
  if (!options.recorder_library.empty()) {
    places = {options.recorder_library};
  } else if (const std::string given = environment("TIDEMARK_LIB"); !given.empty()) {
    places = {given};
  } else {
    const fs::path folder = ProgramFolder();
    for (const char* near : {"../lib/libtidemark.so", "lib/libtidemark.so", "libtidemark.so",
                             "../../lib/libtidemark.so"}) {
      places.push_back((folder / near).lexically_normal().string());
    }
  }
  std::string tried;
  for (const std::string& place : places) {
    tried += (tried.empty() ? "" : ", ") + place;
    if (!IsReadableFile(place)) continue;
    const std::string path = fs::absolute(place).lexically_normal().string();
    if (path.find_first_of(" :") != std::string::npos) {
      return InvalidArgument("\"" + path +
                             "\" cannot be preloaded: LD_PRELOAD separates by space "
                             "and colon; move the library or link to it");
    }
    return path;
  }
  return NotFound("libtidemark.so is in none of: " + tried + "; set TIDEMARK_LIB to its path");
}

Result<RunDirectory> MakeRunDirectory(const RunOptions& options) {
  RunDirectory directory;
  directory.temporary = options.directory.empty();
  const std::string base = directory.temporary ? TemporaryBase() : options.directory;
  std::error_code error;
  fs::create_directories(base, error);
  if (error) return IoError("cannot make " + base + ": " + error.message());
  if (directory.temporary) RemoveStale(base);
  std::string path = fs::absolute(base).string() + "/" + std::string(kPrefix) +
                     std::to_string(getpid()) + "-XXXXXX";
  if (mkdtemp(path.data()) == nullptr) {
    return IoError("cannot make " + path + ": " + std::strerror(errno));
  }
  directory.path = path;
  return directory;
}

void RemoveRunDirectory(const RunDirectory& directory) {
  std::error_code ignored;
  if (directory.temporary) fs::remove_all(directory.path, ignored);
}

SymbolizerOptions SymbolizerOptionsFor(const std::vector<std::string>& debug_directories,
                                       const EnvironmentLookup& environment) {
  SymbolizerOptions options;
  options.debug_directories.insert(options.debug_directories.begin(), debug_directories.begin(),
                                   debug_directories.end());
  options.cache_directories = DebuginfodDirectories(environment);
  return options;
}

ChildCommand CommandFor(const RunOptions& options, const ServiceIdentity& identity,
                        const std::string& recorder, const std::string& directory,
                        char* const* environment) {
  ChildCommand command{options.command, {}, ""};
  std::string preload = "LD_PRELOAD=" + recorder;
  for (char* const* entry = environment; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (HasKey(text, "LD_PRELOAD") && text.size() > std::strlen("LD_PRELOAD=")) {
      preload += ":" + text.substr(std::strlen("LD_PRELOAD="));
      continue;
    }
    const std::initializer_list<const char*> ours = {
        "LD_PRELOAD", "TIDEMARK_DIR", "TIDEMARK_SAMPLE_BYTES", "OTEL_RESOURCE_ATTRIBUTES",
        "OTEL_SERVICE_NAME"};
    if (std::none_of(ours.begin(), ours.end(), [&](const char* k) { return HasKey(text, k); })) {
      command.environment.push_back(text);
    }
  }
  command.environment.push_back(preload);
  command.environment.push_back("TIDEMARK_DIR=" + directory);
  command.environment.push_back("TIDEMARK_SAMPLE_BYTES=" + std::to_string(options.sample_bytes));
  if (options.mappings) command.environment.push_back("TIDEMARK_MMAP=1");
  command.environment.push_back("OTEL_SERVICE_NAME=" + identity.service);
  std::string resource;
  if (ResourceVariable(identity, &resource)) {
    command.pid_suffixed = resource;
  } else {
    command.environment.push_back(resource);
  }
  return command;
}

}  // namespace tidemark
