// Who the exporter says it is.
#include <errno.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "net/url.h"
#include "telemetry/otlp_requests.h"

namespace tidemark::sdk {
namespace {

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// "key=value,key=value" with percent-encoded values (OTel specification, Resource SDK).
Attributes ResourceFromEnvironment() {
  Attributes attributes;
  const std::string text = Environment("OTEL_RESOURCE_ATTRIBUTES");
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(',', at), text.size());
    const std::string item = text.substr(at, end - at);
    const size_t equals = item.find('=');
    std::string value;
    if (equals != std::string::npos && PercentDecode(item.substr(equals + 1), false, &value)) {
      attributes.emplace_back(item.substr(0, equals), value);
    }
    at = end + 1;
  }
  return attributes;
}

std::string HostAndPid() {
  std::array<char, 256> host{};
  gethostname(host.data(), host.size() - 1);
  return std::string(host.data()) + "-" + std::to_string(getpid());
}

}  // namespace

Resource MakeResource(const Attributes& given) {
  Resource resource;
  Attributes& all = resource.attributes;
  // Normalize lets the last of equal keys win: from the weakest source to the strongest.
  all = {{"process.pid", std::to_string(getpid())},
         {"telemetry.sdk.language", "cpp"},
         {"telemetry.sdk.name", "tidemark"}};
  const Attributes environment = ResourceFromEnvironment();
  all.insert(all.end(), environment.begin(), environment.end());
  const std::string name = Environment("OTEL_SERVICE_NAME");
  if (!name.empty()) all.emplace_back("service.name", name);
  all.insert(all.end(), given.begin(), given.end());
  Normalize(&all);
  // A pod or container is name enough; other processes need one of their own.
  const auto lacks = [&all](const char* key) { return AttributeOr(all, key).empty(); };
  if (TargetOf(all).service == "unknown_service") {
    all.emplace_back("service.name", program_invocation_short_name);
  }
  if (lacks("service.instance.id") && lacks("k8s.pod.uid") && lacks("k8s.pod.name") &&
      lacks("container.id")) {
    all.emplace_back("service.instance.id", HostAndPid());
  }
  Normalize(&all);
  resource.target = TargetOf(all);
  return resource;
}

}  // namespace tidemark::sdk
