#include "options.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cstdlib>

#include "net/url.h"

namespace shop {
namespace {

std::string Environment(const char* name, const std::string& fallback) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? fallback : value;
}

// "key=value,key=value" with percent-encoded values.
tidemark::Attributes ResourceFromEnvironment() {
  tidemark::Attributes attributes;
  const std::string text = Environment("OTEL_RESOURCE_ATTRIBUTES", "");
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(',', at), text.size());
    const std::string item = text.substr(at, end - at);
    const size_t equals = item.find('=');
    std::string value;
    if (equals != std::string::npos &&
        tidemark::PercentDecode(item.substr(equals + 1), false, &value)) {
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

void SetUnlessThere(tidemark::Attributes* attributes, const std::string& key,
                    const std::string& value) {
  if (tidemark::AttributeOr(*attributes, key).empty()) attributes->emplace_back(key, value);
}

tidemark::Resource MakeResource(const std::string& name, const std::string& version) {
  tidemark::Resource resource;
  auto& attributes = resource.attributes;
  attributes = ResourceFromEnvironment();
  const std::string said_name = Environment("OTEL_SERVICE_NAME", "");
  if (!said_name.empty()) attributes.emplace_back("service.name", said_name);
  if (!version.empty()) attributes.emplace_back("service.version", version);
  SetUnlessThere(&attributes, "service.name", name);
  SetUnlessThere(&attributes, "service.instance.id", HostAndPid());
  attributes.emplace_back("process.pid", std::to_string(getpid()));
  attributes.emplace_back("telemetry.sdk.language", "cpp");
  tidemark::Normalize(&attributes);
  resource.target = {tidemark::AttributeOr(attributes, "service.name"),
                     tidemark::AttributeOr(attributes, "service.namespace"),
                     tidemark::AttributeOr(attributes, "service.version"),
                     tidemark::AttributeOr(attributes, "service.instance.id")};
  return resource;
}

}  // namespace

std::optional<Options> ReadOptions(int argc, char** argv, const std::string& default_name,
                                   int* status) {
  Options options;
  options.otlp = Environment("OTEL_EXPORTER_OTLP_ENDPOINT", options.otlp);
  std::string version;
  CLI::App app("An example shop: /checkout, /search, /health over HTTP.", default_name);
  app.add_option("--port", options.port, "Port on 127.0.0.1, 0 = any")->capture_default_str();
  app.add_option("--otlp", options.otlp, "OTLP/HTTP endpoint for spans, \"\" = none")
      ->capture_default_str();
  app.add_option("--threads", options.threads, "Worker threads")->check(CLI::Range(1, 64));
  // No default: the profiler of this process must hear of the version too (tidemark run --version).
  app.add_option("--version", version, "service.version to report, over OTEL_RESOURCE_ATTRIBUTES");
  app.add_option("--cache-bytes", options.cache_bytes, "Bound of the span cache (fixed shop)");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    *status = app.exit(error) == 0 ? 0 : 2;
    return std::nullopt;
  }
  while (options.otlp.ends_with('/')) options.otlp.pop_back();
  options.resource = MakeResource(default_name, version);
  return options;
}

}  // namespace shop
