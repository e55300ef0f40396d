#include "options.h"

#include <CLI/CLI.hpp>
#include <cstdlib>

namespace shop {
namespace {

std::string Environment(const char* name, const std::string& fallback) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? fallback : value;
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
  options.name = default_name;
  if (!version.empty()) options.resource = {{"service.version", version}};
  return options;
}

}  // namespace shop
