// The incidents of the server: one per leaking service and version, opened, fed with evidence,
// resolved. Pure: event time comes in with each call; one thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "model/incident.h"

namespace tidemark {

// What a detector says of one service and version at one moment.
struct Suspicion {
  std::string service, service_namespace, version;
  std::string kind;                    // Incident::kind
  std::vector<std::string> instances;  // those that grow
  Estimate growth_bytes_per_hour;      // per instance
  int64_t onset_ns = 0;
  int64_t time_ns = 0;     // event time of the verdict
  int64_t oom_eta_ns = 0;  // 0 = no limit known
  double confidence = 0;
  // How close to the cause the detector looks: profile stacks (1) speak over totals (0) while both
  // report.
  int rank = 0;
};

struct IncidentPolicy {
  double price_per_gib_month_usd = 3.5;
  int64_t quiet_ns =
      600'000'000'000;  // resolved after this long without a report (rank 0: twelve times that)
  size_t max_incidents =
      10'000;  // kept; the oldest resolved ones go first, then nothing new is opened
};

class IncidentBook {
 public:
  explicit IncidentBook(IncidentPolicy policy) : policy_(policy) {}

  // Takes back what was stored. Open ones go on where they stood.
  void Restore(Incident incident);

  // Opens the incident of this service and version or updates it. The pointer is valid until the
  // next call that adds; null when max_incidents is reached. `opened` tells whether this call
  // opened it.
  Incident* Report(const Suspicion& suspicion, bool* opened);

  // The open incident of a service and version, or null.
  Incident* FindOpen(const std::string& service, const std::string& service_namespace,
                     const std::string& version);
  Incident* Find(const std::string& id);

  // Marks as changed, so that it is stored and its summary written anew.
  void Touch(Incident* incident);

  // Resolves what no detector has reported for the quiet time. `now_ns` is event time.
  void ResolveQuiet(int64_t now_ns);

  // Those changed since the last call, summaries up to date.
  std::vector<Incident> TakeChanged();

  // Newest first.
  std::vector<Incident> All() const;

  uint64_t refused() const { return refused_; }

 private:
  using Key = std::tuple<std::string, std::string, std::string>;
  struct Entry {
    Incident incident;
    int rank = 0;
    int64_t reported_ns = 0;
    bool changed = false;
  };

  Entry* Open(const Key& key, const Suspicion& suspicion);
  bool MakeRoom();

  IncidentPolicy policy_;
  std::map<std::string, Entry> entries_;  // by id
  std::map<Key, std::string> open_;       // to id
  uint64_t refused_ = 0;
};

// What must be provisioned to survive a day of this growth, in USD a month.
double MonthlyCostUsd(double total_bytes_per_hour, double price_per_gib_month_usd);

}  // namespace tidemark
