// What the API asks of the running server beside the store. Methods may be called from any thread
// and answer within a moment; they never touch the network. Errors of all: overloaded, where the
// server is too busy to say.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/incident.h"
#include "model/survivors.h"

namespace tidemark {

// Requests of one route of one target since the server began to count.
struct RouteStats {
  std::string version, instance, route;
  uint64_t ended = 0, errors = 0;
  double p50_ms = 0, p99_ms = 0;
};

struct KeyedGrowth {
  std::string key;
  double growth_bytes_per_hour = 0;
  double inuse_bytes = 0;
};

class LiveView {
 public:
  virtual ~LiveView() = default;
  virtual Result<std::vector<Incident>> Incidents() = 0;
  // Errors: not found.
  virtual Result<Incident> FindIncident(const std::string& id) = 0;
  virtual Result<std::vector<RouteStats>> Routes(const std::string& service) = 0;
  // Of a service, of all when it is empty; heaviest first.
  virtual Result<std::vector<RouteSurvivors>> Survivors(const std::string& service) = 0;
  // by: "route" or "trace".
  virtual Result<std::vector<KeyedGrowth>> GrowthRows(const std::string& service,
                                                      const std::string& by) = 0;
  // Starts a capture of an instance (empty: the one that holds most) and returns its id. Errors:
  // not found.
  virtual Result<std::string> RequestCapture(const std::string& service,
                                             const std::string& instance) = 0;
  // The pprof file of a capture. Errors: not found, i/o.
  virtual Result<std::string> ReadCapture(const std::string& id) = 0;
  // Prometheus text of the server's own state.
  virtual Result<std::string> Metrics() = 0;
  virtual bool Ready() = 0;
};

}  // namespace tidemark
