#include "collect/process_names.h"

#include <errno.h>
#include <signal.h>

namespace tidemark {

bool RunNames::HasEnded(const LedgerFile& file, const LedgerHeader& header) {
  if (IsMain(file)) return main_ended_;
  return header.state == ledger::State::kExited ||
         (kill(static_cast<pid_t>(file.pid), 0) != 0 && errno == ESRCH);
}

ProcessName RunNames::NameOf(const LedgerFile& file, const LedgerHeader& header) {
  const bool main = IsMain(file);
  return {ResourceOf(identity_, file.pid, main, header.exe_path,
                     main ? pprof_port_.load() : uint16_t{0}),
          command_line_, ""};
}

WatchNames::Known* WatchNames::Know(const LedgerFile& file) {
  const auto at = known_.find(file.path);
  if (at != known_.end()) {
    if (at->second.file == file) return &at->second;
    Forget(at->second.file);
  }
  Known& known = known_[file.path];
  known.file = file;
  Find(&known);
  return &known;
}

// Reads all that /proc says at once: at the next look the process may be gone.
void WatchNames::Find(Known* known) const {
  const uint64_t pid = proc_->WriterOf(known->file).value_or(0);
  known->start_ticks = pid == 0 ? 0 : proc_->StartTicks(pid);
  if (known->start_ticks == 0) return;
  known->pid = pid;
  const EnvironmentLookup environment = proc_->EnvironmentOf(pid);
  for (const char* name : {"OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES", "HOSTNAME"}) {
    known->environment[name] = environment(name);
  }
  known->container = proc_->ContainerOf(pid);
  known->name.command_line = proc_->CommandLineOf(pid);
  known->name.root = proc_->RootOf(pid);
}

bool WatchNames::HasEnded(const LedgerFile& file, const LedgerHeader& header) {
  Known* known = Know(file);
  if (header.state == ledger::State::kExited) return true;
  if (known->pid != 0) return proc_->StartTicks(known->pid) != known->start_ticks;
  if (known->doubted) return true;
  known->doubted = true;
  known->named = false;
  Find(known);
  return false;
}

void WatchNames::GiveName(const std::string& executable, Known* known) {
  RunOptions options;
  options.command = {executable.empty() ? "unknown" : executable};
  ServiceIdentity identity = IdentityFor(options, [known](const std::string& name) {
    const auto at = known->environment.find(name);
    return at == known->environment.end() ? std::string() : at->second;
  });
  // In a container HOSTNAME is the pod or container, as its SDKs would say.
  const std::string& host = known->environment["HOSTNAME"];
  if (!known->container.empty() && !host.empty()) identity.host = host;
  const bool own =
      !identity.instance.empty() && instances_.emplace(identity.service, identity.instance).second;
  const uint16_t port = known->pid == 0 ? uint16_t{0} : pprof_port_.load();
  Resource& resource = known->name.resource;
  resource = ResourceOf(identity, known->file.pid, own, executable, port);
  if (!own) instances_.emplace(identity.service, resource.target.instance);
  const auto set = [&resource](const char* key, const std::string& value) {
    if (!value.empty()) resource.attributes.emplace_back(key, value);
  };
  if (port != 0) set("tidemark.pprof.pid", std::to_string(known->pid));
  set("container.id", known->container);
  Normalize(&resource.attributes);
  known->named = true;
}

ProcessName WatchNames::NameOf(const LedgerFile& file, const LedgerHeader& header) {
  Known* known = Know(file);
  if (!known->named) GiveName(header.exe_path, known);
  return known->name;
}

void WatchNames::Forget(const LedgerFile& file) {
  const auto at = known_.find(file.path);
  if (at == known_.end()) return;
  const Target& target = at->second.name.resource.target;
  instances_.erase({target.service, target.instance});
  known_.erase(at);
}

}  // namespace tidemark
