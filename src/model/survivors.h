// Live bytes whose span ended more than a minute ago, by route, as the API shows them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/incident.h"

namespace tidemark {

// One route of a service and version, all instances together.
struct RouteSurvivors {
  std::string service, service_namespace, version;  // filled in by whoever knows
  std::string route;
  int64_t bytes = 0, objects = 0;  // survivors
  int64_t ended_bytes = 0;         // live bytes of all ended spans, the younger ones too
  int64_t oldest_end_ns = 0;       // of the survivors' spans
  double kept_share =
      0;  // bytes a request: survivors to younger ones, at most 1; 0 = not known yet
  Estimate growth_bytes_per_hour;      // per instance, of the heaviest
  std::vector<std::string> instances;  // that have survivors, heaviest first, at most 10
  std::vector<TraceEvidence> traces;   // heaviest first, at most 10
  bool suspect = false;
  int64_t suspect_since_ns = 0;  // event time
};

}  // namespace tidemark
