// Commands that ask a running server: `tidemark incidents`, `survivors`, `capture` and `compare`.
#pragma once

#include <string>

#include "cli/output.h"

namespace tidemark {

struct ClientOptions {
  std::string api = "http://127.0.0.1:7070";
  OutputFormat format = OutputFormat::kText;
};

struct IncidentsOptions : ClientOptions {
  std::string id;       // empty lists
  std::string state;    // "", "open" or "resolved"
  std::string service;  // empty = all
  bool check = false;   // exit 1 when one is open
};
int RunIncidents(const IncidentsOptions& options);

struct SurvivorsOptions : ClientOptions {
  std::string service;  // empty = all
  bool check = false;   // exit 1 when a route is suspect
};
int RunSurvivors(const SurvivorsOptions& options);

struct CaptureOptions : ClientOptions {
  std::string selector;  // SERVICE or SERVICE/INSTANCE
  std::string out;       // file to write the profile to; empty = do not fetch
};
int RunCapture(const CaptureOptions& options);

struct CompareOptions : ClientOptions {
  std::string service, before, after;
};
int RunCompare(const CompareOptions& options);

}  // namespace tidemark
