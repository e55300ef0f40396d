#include "diagnose/annotate.h"

#include <algorithm>

#include "base/time.h"

namespace tidemark {
namespace {

constexpr size_t kMaxTraces = 10;

void Add(const char* key, const std::string& value, Profile* profile) {
  if (!value.empty()) profile->comments.push_back(std::string("tidemark.") + key + ": " + value);
}

}  // namespace

void Annotate(const Resource& resource, const Annotations& annotations, Profile* profile) {
  Add("service", resource.target.service, profile);
  Add("version", resource.target.version, profile);
  Add("instance", resource.target.instance, profile);
  Add("pod", AttributeOr(resource.attributes, "k8s.pod.name"), profile);
  Add("node", AttributeOr(resource.attributes, "k8s.node.name"), profile);
  Add("trigger", annotations.trigger, profile);
  Add("role", annotations.role, profile);
  Add("incident", annotations.incident, profile);
  if (annotations.onset_ns != 0) Add("onset", FormatRfc3339(annotations.onset_ns), profile);
  std::string traces;
  for (size_t i = 0; i < std::min(annotations.active_traces.size(), kMaxTraces); ++i) {
    traces += (i == 0 ? "" : ",") + ToHex(annotations.active_traces[i]);
  }
  Add("active_trace_ids", traces, profile);
}

}  // namespace tidemark
