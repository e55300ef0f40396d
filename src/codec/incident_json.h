// Incidents as JSON: the body of GET /api/v1/incidents/{id}, and how the store keeps them.
// Keys are the field names; times are RFC 3339 without the suffix `_ns`, ids are hex text.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "model/incident.h"

namespace tidemark {

std::string IncidentToJson(const Incident& incident);

// Errors: invalid argument naming the key. Unknown keys are ignored, missing ones keep their
// defaults.
Result<Incident> IncidentFromJson(std::string_view text);

}  // namespace tidemark
