// Any text is a configuration or an error.
#include <cstdint>
#include <string>

#include "scrape/config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  auto config = tidemark::ParseScrapeConfig(text, "/fuzz/f.yml");
  if (config && config->jobs.size() > size) __builtin_trap();
  return 0;
}
