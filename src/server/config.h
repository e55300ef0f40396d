// The server's configuration: one YAML file, of which scrape_configs and global have Prometheus'
// own shape.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tidemark {

struct ServerConfig {
  std::string listen = "127.0.0.1";  // address of all three ports
  uint16_t grpc_port = 4317;         // OTLP/gRPC
  uint16_t http_port = 4318;         // OTLP/HTTP
  uint16_t api_port = 7070;          // API and page
  std::string data_dir = "tidemark-data";
  double price_per_gib_month_usd = 3.5;
  int64_t retention_ns = 14LL * 24 * 3600 * 1'000'000'000;
  uint64_t max_disk_bytes = 64ULL << 30;
  size_t max_body_bytes = 64 << 20;    // OTLP bodies, inflated
  size_t max_queue_bytes = 128 << 20;  // decoded, not yet summarised
  size_t store_memory_bytes = 512 << 20;
  uint64_t heap_dump_max_bytes = 16ULL << 30;    // of one that is posted, as it is sent
  uint64_t heap_dump_memory_bytes = 1ULL << 30;  // for its graph; the rest goes to files
  // The whole file and its path, for the scraper to pick its keys from; empty without a file.
  std::string scrape_text, scrape_file;
};

// Reads a configuration over the defaults in `config`. Errors: invalid argument naming line, key
// and value; unknown keys are errors, so that a misspelt one is noticed.
Result<ServerConfig> ParseServerConfig(std::string_view yaml, ServerConfig config);

// "64MiB", "2GB", "1048576": sizes as people write them.
Result<uint64_t> ParseSize(const std::string& text);

}  // namespace tidemark
