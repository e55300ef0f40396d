// What both shops are told on the command line and in the OpenTelemetry environment variables.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tidemark/metrics.hpp"

namespace shop {

struct Options {
  uint16_t port = 8081;
  std::string otlp = "http://127.0.0.1:4318";  // OTLP/HTTP; "" = export nothing
  int threads = 2;
  size_t cache_bytes = 8 << 20;  // the fixed shop's span cache
  std::string name;              // of the program
  // What the command line says over OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES, which the SDK
  // reads.
  tidemark::sdk::Attributes resource;
};

// Reads flags, and OTEL_EXPORTER_OTLP_ENDPOINT for what they do not say. Returns nothing when the
// program should end now, with `*status`.
std::optional<Options> ReadOptions(int argc, char** argv, const std::string& default_name,
                                   int* status);

}  // namespace shop
