// Captures: a profile with the circumstances written into it, so that `go tool pprof -comments`
// shows them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/profile.h"
#include "model/span.h"
#include "model/target.h"

namespace tidemark {

struct Annotations {
  std::string trigger;   // "growth", "limit", "demand"
  std::string role;      // "worst", "healthy"
  std::string incident;  // id, may be empty
  int64_t onset_ns = 0;
  std::vector<TraceId> active_traces;  // newest first; the first ten are written
};

// Appends one comment per annotation, "tidemark.KEY: VALUE"; service, version, instance, pod and
// node come from the resource.
void Annotate(const Resource& resource, const Annotations& annotations, Profile* profile);

}  // namespace tidemark
