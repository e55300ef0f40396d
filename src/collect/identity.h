// Who the recorded process says it is: the OpenTelemetry environment variables, and what we know
// of the process besides. The process and its collector must say the same, since the server joins
// spans and profiles by it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>

#include "collect/run_options.h"
#include "model/target.h"

namespace tidemark {

// The value of an environment variable, "" when unset.
using EnvironmentLookup = std::function<std::string(const std::string&)>;
std::string FromEnvironment(const std::string& name);

// "a=1,b=x%20y" as OTEL_RESOURCE_ATTRIBUTES writes it: values percent-decoded, broken items
// skipped. Normalized.
Attributes ParseResourceAttributes(const std::string& text);
// The way back; values percent-encoded.
std::string FormatResourceAttributes(const Attributes& attributes);

// What is known before the process is there.
struct ServiceIdentity {
  std::string service;    // options, OTEL_SERVICE_NAME, service.name, else the command's name
  std::string version;    // options, service.version, else ""
  std::string host;       // of this machine
  std::string instance;   // service.instance.id as the user set it; "" = HOST-PID
  Attributes attributes;  // of OTEL_RESOURCE_ATTRIBUTES
};
ServiceIdentity IdentityFor(const RunOptions& options, const EnvironmentLookup& environment);

// HOST-PID for all but the main process of a run whose instance id the user set.
std::string InstanceOf(const ServiceIdentity& identity, uint64_t pid, bool is_main);

// The resource of one process. `executable` is a path; a `pprof_port` of 0 is left out.
Resource ResourceOf(const ServiceIdentity& identity, uint64_t pid, bool is_main,
                    const std::string& executable, uint16_t pprof_port);

}  // namespace tidemark
