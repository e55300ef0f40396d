// Target of a sender from its resource attributes. Keys and order: OpenTelemetry semantic
// conventions, model/service, model/k8s, model/container, model/host, model/process, and
// docs/non-normative/k8s-attributes.md.
#include <initializer_list>

#include "codec/otlp.h"

namespace tidemark {
namespace {

constexpr char kUnknownService[] = "unknown_service";

const std::string& First(const Attributes& attributes, std::initializer_list<const char*> keys) {
  static const std::string kNone;
  for (const char* key : keys) {
    if (const std::string& value = AttributeOr(attributes, key); !value.empty()) return value;
  }
  return kNone;
}

// SDKs send "unknown_service" or "unknown_service:<program>" where nobody gave a name.
bool IsUnset(const std::string& service) {
  return service.empty() || service == kUnknownService || service.starts_with("unknown_service:");
}

void SetWorkload(const Attributes& a, Target* target) {
  target->service = First(a, {"k8s.deployment.name", "k8s.replicaset.name", "k8s.statefulset.name",
                              "k8s.daemonset.name", "k8s.cronjob.name", "k8s.job.name",
                              "k8s.pod.name", "k8s.container.name"});
  if (target->service.empty()) target->service = kUnknownService;
  if (target->service_namespace.empty()) {
    target->service_namespace = AttributeOr(a, "k8s.namespace.name");
  }
}

// Non-empty parts joined with '/', or "" when `required` is empty.
std::string Join(const std::string& required, std::initializer_list<const std::string*> parts) {
  if (required.empty()) return {};
  std::string out = required;
  for (const std::string* part : parts) {
    if (!part->empty()) out += "/" + *part;
  }
  return out;
}

std::string InstanceOf(const Attributes& a) {
  if (const std::string& id = AttributeOr(a, "service.instance.id"); !id.empty()) return id;
  const std::string& container = AttributeOr(a, "k8s.container.name");
  if (auto id = Join(AttributeOr(a, "k8s.pod.uid"), {&container}); !id.empty()) return id;
  const std::string& pod = AttributeOr(a, "k8s.pod.name");
  if (const std::string& space = AttributeOr(a, "k8s.namespace.name");
      !space.empty() && !pod.empty()) {
    return Join(space, {&pod, &container});
  }
  if (const std::string& id = AttributeOr(a, "container.id"); !id.empty()) return id;
  return Join(First(a, {"host.id", "host.name"}),
              {&AttributeOr(a, "process.pid"), &AttributeOr(a, "process.creation.time")});
}

}  // namespace

Target TargetOf(const Attributes& resource_attributes) {
  Target target;
  target.service = AttributeOr(resource_attributes, "service.name");
  target.service_namespace = AttributeOr(resource_attributes, "service.namespace");
  target.version = AttributeOr(resource_attributes, "service.version");
  target.instance = InstanceOf(resource_attributes);
  if (IsUnset(target.service)) SetWorkload(resource_attributes, &target);
  return target;
}

}  // namespace tidemark
