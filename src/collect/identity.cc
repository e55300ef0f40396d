#include "collect/identity.h"

#include <unistd.h>

#include <array>
#include <cstdlib>

#include "net/url.h"

namespace tidemark {
namespace {

std::string PercentDecoded(std::string_view text) {
  std::string decoded;
  return PercentDecode(text, false, &decoded) ? decoded : std::string(text);
}

std::string_view Trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::string HostName() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
  return name.data();
}

std::string BaseName(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::string FirstOf(const std::string& a, const std::string& b, const std::string& c) {
  return !a.empty() ? a : !b.empty() ? b : c;
}

}  // namespace

std::string FromEnvironment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? "" : value;
}

Attributes ParseResourceAttributes(const std::string& text) {
  Attributes attributes;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(',', at), text.size());
    const std::string_view item = std::string_view(text).substr(at, end - at);
    const size_t equals = item.find('=');
    if (equals != std::string_view::npos && !Trimmed(item.substr(0, equals)).empty()) {
      attributes.emplace_back(Trimmed(item.substr(0, equals)),
                              PercentDecoded(Trimmed(item.substr(equals + 1))));
    }
    at = end + 1;
  }
  Normalize(&attributes);
  return attributes;
}

std::string FormatResourceAttributes(const Attributes& attributes) {
  std::string out;
  for (const auto& [key, value] : attributes) {
    if (!out.empty()) out += ",";
    out += key + "=" + PercentEncode(value);
  }
  return out;
}

ServiceIdentity IdentityFor(const RunOptions& options, const EnvironmentLookup& environment) {
  ServiceIdentity identity;
  identity.attributes = ParseResourceAttributes(environment("OTEL_RESOURCE_ATTRIBUTES"));
  identity.host = HostName();
  identity.service = FirstOf(options.service, environment("OTEL_SERVICE_NAME"),
                             AttributeOr(identity.attributes, "service.name"));
  if (identity.service.empty() && !options.command.empty()) {
    identity.service = BaseName(options.command.front());
  }
  identity.version =
      FirstOf(options.version, AttributeOr(identity.attributes, "service.version"), "");
  identity.instance = AttributeOr(identity.attributes, "service.instance.id");
  return identity;
}

std::string InstanceOf(const ServiceIdentity& identity, uint64_t pid, bool is_main) {
  if (is_main && !identity.instance.empty()) return identity.instance;
  return identity.host + "-" + std::to_string(pid);
}

Resource ResourceOf(const ServiceIdentity& identity, uint64_t pid, bool is_main,
                    const std::string& executable, uint16_t pprof_port) {
  Resource resource;
  resource.target = {identity.service, AttributeOr(identity.attributes, "service.namespace"),
                     identity.version, InstanceOf(identity, pid, is_main)};
  resource.attributes = identity.attributes;
  const auto set = [&resource](const std::string& key, const std::string& value) {
    if (!value.empty()) resource.attributes.emplace_back(key, value);
  };
  set("service.name", resource.target.service);
  set("service.version", resource.target.version);
  set("service.instance.id", resource.target.instance);
  set("host.name", identity.host);
  set("process.pid", std::to_string(pid));
  set("process.executable.name", BaseName(executable));
  set("telemetry.sdk.language", "cpp");
  if (pprof_port != 0) set("tidemark.pprof.port", std::to_string(pprof_port));
  Normalize(&resource.attributes);
  return resource;
}

}  // namespace tidemark
