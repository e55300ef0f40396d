// A leak as people and the API see it: the whole evidence chain in one value (product promise,
// section "Incident").
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/span.h"
#include "model/stack.h"
#include "model/target.h"

namespace tidemark {

// A value with its interval at about 95 %.
struct Estimate {
  double value = 0, low = 0, high = 0;
};

// A stack that grows. Bytes are in use and per instance; frames leaf first.
struct StackEvidence {
  std::string stack_id;  // hex
  std::vector<FrameText> frames;
  std::string cause;  // the function to look at: the first frame of the program's own code
  std::string cause_file;
  int64_t cause_line = 0;
  Estimate growth_bytes_per_hour;
  int64_t inuse_bytes = 0;
  int64_t inuse_objects = 0;
  double growth_share = 0;    // of all growth in the profile, 0 to 1
  double retained_share = 0;  // of what this stack allocated in the window, how much stayed, 0 to 1
};

// A route (span name where no route is known) behind the growth.
struct RouteEvidence {
  std::string route;
  double growth_share = 0;  // 0 to 1
  double bytes_per_request = 0;
  double requests_per_second = 0;
  // How it is known. "span": samples name their span; "correlation": growth follows the requests;
  // "stack": a function of the stack is named after the route, which is a hint.
  std::string method;
  int64_t survivor_bytes = 0;  // live bytes whose span has ended
};

struct TraceEvidence {
  TraceId trace_id;
  SpanId span_id = SpanId::kNone;
  std::string route;
  int64_t start_ns = 0;
  int64_t duration_ns = 0;
  int64_t bytes = 0;  // live bytes that this span allocated; 0 = not known per span
  bool ended = false;
};

struct CaptureRef {
  std::string id;
  std::string role;  // "worst" or "healthy"
  std::string instance;
  std::string version;
  std::string trigger;
  int64_t time_ns = 0;
  std::string file;
};

// A heap dump that was posted for an incident, once it is analysed.
struct HeapDumpRef {
  std::string id;
  std::string name;      // as its sender called it
  std::string version;   // of the service; may be empty
  std::string headline;  // who holds the memory, in a sentence
  int64_t time_ns = 0;   // received
  bool partial = false;  // the dump was damaged
};

struct DeployEvidence {
  std::string version;
  int64_t time_ns = 0;  // first seen
};

struct Evidence {
  std::vector<StackEvidence> stacks;
  std::vector<RouteEvidence> routes;
  std::vector<TraceEvidence> traces;
  std::vector<CaptureRef> captures;
  std::vector<std::string> retention;   // who holds it, of the last heap dump, largest first
  std::vector<HeapDumpRef> heap_dumps;  // in the order of their analysis; the last 20
  std::optional<DeployEvidence> deploy;
};

enum class IncidentState : uint8_t { kOpen, kResolved };

struct Incident {
  std::string id;
  IncidentState state = IncidentState::kOpen;
  std::string kind;  // "heap", "rss", "spans", "survivors"
  std::string service, service_namespace;
  std::vector<std::string> versions, instances;
  int64_t onset_ns = 0, detected_ns = 0, updated_ns = 0, resolved_ns = 0;
  Estimate growth_bytes_per_hour;        // per instance
  Estimate total_growth_bytes_per_hour;  // over all leaking instances
  int64_t oom_eta_ns = 0;  // event time at which the limit is reached; 0 = no limit known
  double monthly_cost_usd = 0;
  double confidence = 0;  // 0 to 1
  std::string summary;    // one sentence
  Evidence evidence;
};

}  // namespace tidemark
