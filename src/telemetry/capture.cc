// An annotated heap profile of this process in a file.
#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <mutex>
#include <utility>

#include "base/files.h"
#include "base/time.h"
#include "codec/pprof.h"
#include "collect/profile_builder.h"
#include "model/span.h"
#include "telemetry/otlp_requests.h"
#include "telemetry/own_ledger.h"
#include "tidemark/leak_detector.hpp"

namespace tidemark::sdk {
namespace {

constexpr size_t kMaxTraces = 10, kMaxAnnotations = 64, kMaxAnnotationBytes = 1024;
constexpr size_t kMaxSymbolBytes = 64 << 20;

template <size_t kSize>
std::string Hex(const uint8_t (&bytes)[kSize]) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (const uint8_t byte : bytes) {
    hex += kDigits[byte >> 4];
    hex += kDigits[byte & 15];
  }
  return hex;
}

std::string ActiveTraces(const std::vector<tidemark_span>& spans) {
  std::string list;
  for (size_t i = 0; i < std::min(spans.size(), kMaxTraces); ++i) {
    list += (i == 0 ? "" : ",") + Hex(spans[i].trace_id);
  }
  return list;
}

// The traces with the most live bytes, heaviest first.
std::string HeaviestTraces(const LedgerSnapshot& ledger) {
  std::map<std::array<uint8_t, 16>, double> bytes;
  for (const LedgerSample& sample : ledger.live) {
    if (sample.has_span) bytes[sample.trace_id] += sample.bytes;
  }
  std::vector<std::pair<double, std::string>> traces;
  for (const auto& [trace, live] : bytes) {
    uint8_t raw[16];
    memcpy(raw, trace.data(), sizeof raw);
    traces.emplace_back(live, Hex(raw));
  }
  const size_t count = std::min(traces.size(), kMaxTraces);
  std::partial_sort(traces.begin(), traces.begin() + static_cast<ptrdiff_t>(count), traces.end(),
                    std::greater<>());
  std::string list;
  for (size_t i = 0; i < count; ++i) list += (i == 0 ? "" : ",") + traces[i].second;
  return list;
}

ProfileOptions OptionsOf(const CaptureOptions& options, const LedgerSnapshot& ledger) {
  const Resource resource = MakeResource({});
  ProfileOptions profile;
  profile.time_ns = WallClockNs();
  profile.annotations = {{"service", resource.target.service},
                         {"version", resource.target.version},
                         {"instance", resource.target.instance},
                         {"pod", AttributeOr(resource.attributes, "k8s.pod.name")},
                         {"trigger", options.trigger},
                         {"active_trace_ids", ActiveTraces(options.active_spans)},
                         {"heaviest_trace_ids", HeaviestTraces(ledger)}};
  for (size_t i = 0; i < std::min(options.annotations.size(), kMaxAnnotations); ++i) {
    const auto& [key, value] = options.annotations[i];
    profile.annotations.emplace_back(key.substr(0, kMaxAnnotationBytes),
                                     value.substr(0, kMaxAnnotationBytes));
  }
  return profile;
}

// Addresses only. A module without a path has no symbols; the paths come back into the mappings,
// which then stand in the ledger's order.
Profile WithoutSymbols(LedgerSnapshot* ledger, const ProfileOptions& options) {
  std::vector<std::string> paths;
  for (LedgerModule& module : ledger->modules) paths.push_back(std::exchange(module.path, ""));
  Symbolizer none;
  Profile profile = BuildProfile(*ledger, none, options);
  for (size_t i = 0; i < paths.size(); ++i) profile.mappings[i].file = paths[i];
  std::erase_if(profile.comments,
                [](const std::string& comment) { return comment.starts_with("no_symbols"); });
  return profile;
}

Result<void> Capture(const std::string& path, const CaptureOptions& options) {
  TIDEMARK_ASSIGN_OR_RETURN(LedgerSnapshot ledger, ReadOwnLedger(options.root));
  const ProfileOptions profile_options = OptionsOf(options, ledger);
  if (!options.symbolize) {
    return WriteWholeFile(path, EncodePprof(WithoutSymbols(&ledger, profile_options)));
  }
  Symbolizer symbolizer({.max_cache_bytes = kMaxSymbolBytes});
  return WriteWholeFile(path, EncodePprof(BuildProfile(ledger, symbolizer, profile_options)));
}

}  // namespace

bool CaptureHeapProfile(const std::string& path, const CaptureOptions& options,
                        std::string* error) {
  static std::mutex one_at_a_time;
  const std::lock_guard lock(one_at_a_time);
  const auto captured = Capture(path, options);
  if (!captured && error != nullptr) *error = captured.error().message;
  return captured.has_value();
}

}  // namespace tidemark::sdk
