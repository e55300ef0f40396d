#include "server/config.h"

#include <yaml-cpp/yaml.h>

#include <charconv>
#include <functional>
#include <map>

#include "base/time.h"

namespace tidemark {
namespace {

using Setter = std::function<Result<void>(const std::string&)>;

template <typename T>
Result<void> ParseNumber(const std::string& text, T* out) {
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), *out);
  if (status != std::errc() || end != text.data() + text.size()) {
    return InvalidArgument("'" + text + "' is not a number in range");
  }
  return {};
}

Setter Text(std::string* out) {
  return [out](const std::string& text) -> Result<void> {
    *out = text;
    return {};
  };
}

template <typename T>
Setter Number(T* out) {
  return [out](const std::string& text) { return ParseNumber(text, out); };
}

template <typename T>
Setter Size(T* out) {
  return [out](const std::string& text) -> Result<void> {
    TIDEMARK_ASSIGN_OR_RETURN(*out, ParseSize(text));
    return {};
  };
}

Setter Duration(int64_t* out) {
  return [out](const std::string& text) -> Result<void> {
    TIDEMARK_ASSIGN_OR_RETURN(*out, ParseDuration(text));
    return {};
  };
}

std::map<std::string, Setter> Setters(ServerConfig* config) {
  return {
      {"listen", Text(&config->listen)},
      {"grpc_port", Number(&config->grpc_port)},
      {"http_port", Number(&config->http_port)},
      {"api_port", Number(&config->api_port)},
      {"data_dir", Text(&config->data_dir)},
      {"price_per_gib_month_usd", Number(&config->price_per_gib_month_usd)},
      {"retention", Duration(&config->retention_ns)},
      {"max_disk", Size(&config->max_disk_bytes)},
      {"max_body", Size(&config->max_body_bytes)},
      {"max_queue", Size(&config->max_queue_bytes)},
      {"store_memory", Size(&config->store_memory_bytes)},
      {"heap_dump_max", Size(&config->heap_dump_max_bytes)},
      {"heap_dump_memory", Size(&config->heap_dump_memory_bytes)},
  };
}

Result<void> ReadKeys(const YAML::Node& root, ServerConfig* config) {
  const auto setters = Setters(config);
  for (const auto& entry : root) {
    const std::string key = entry.first.as<std::string>();
    if (key == "global" || key == "scrape_configs") continue;
    const std::string where =
        "line " + std::to_string(entry.first.Mark().line + 1) + ": key '" + key + "': ";
    const auto setter = setters.find(key);
    if (setter == setters.end()) {
      std::string known = "global, scrape_configs";
      for (const auto& [name, each] : setters) known += ", " + name;
      return InvalidArgument(where + "unknown; known are " + known);
    }
    if (!entry.second.IsScalar()) return InvalidArgument(where + "expected a single value");
    if (auto set = setter->second(entry.second.Scalar()); !set)
      return InvalidArgument(where + set.error().message);
  }
  return {};
}

}  // namespace

Result<uint64_t> ParseSize(const std::string& text) {
  static const std::map<std::string, uint64_t> kUnits = {{"", 1},
                                                         {"B", 1},
                                                         {"K", 1 << 10},
                                                         {"M", 1 << 20},
                                                         {"G", 1 << 30},
                                                         {"KB", 1000},
                                                         {"MB", 1'000'000},
                                                         {"GB", 1'000'000'000},
                                                         {"KiB", 1 << 10},
                                                         {"MiB", 1 << 20},
                                                         {"GiB", 1 << 30},
                                                         {"TiB", 1ULL << 40},
                                                         {"TB", 1'000'000'000'000}};
  uint64_t number = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), number);
  const auto unit = kUnits.find(std::string(end, text.data() + text.size()));
  uint64_t bytes = 0;
  if (status != std::errc() || unit == kUnits.end() ||
      __builtin_mul_overflow(number, unit->second, &bytes)) {
    return InvalidArgument("size '" + text + "': expected for example 64M, 64MiB or 2GB");
  }
  return bytes;
}

Result<ServerConfig> ParseServerConfig(std::string_view yaml, ServerConfig config) {
  try {
    const YAML::Node root = YAML::Load(std::string(yaml));
    if (root.IsNull()) return config;
    if (!root.IsMap()) return InvalidArgument("the configuration is not a list of keys and values");
    TIDEMARK_RETURN_IF_ERROR(ReadKeys(root, &config));
  } catch (const YAML::Exception& error) {
    return InvalidArgument("line " + std::to_string(error.mark.line + 1) + ": " + error.msg);
  }
  config.scrape_text = yaml;
  return config;
}

}  // namespace tidemark
