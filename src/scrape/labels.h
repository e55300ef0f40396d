// Prometheus label sets on model/target.h's Attributes: sorted by name, and an empty value is the
// same as no label.
#pragma once

#include <string>
#include <string_view>

#include "model/target.h"

namespace tidemark {

inline constexpr std::string_view kMetricNameLabel = "__name__";
inline constexpr std::string_view kAddressLabel = "__address__";

// Sets or, when `value` is empty, removes a label. `labels` stays sorted.
void SetLabel(Attributes* labels, std::string_view name, std::string value);
void RemoveLabel(Attributes* labels, std::string_view name);

// The value of `name`, or "".
std::string_view LabelOr(const Attributes& labels, std::string_view name);

// [a-zA-Z_][a-zA-Z0-9_]*, and metric names may have ':' too.
bool IsLabelName(std::string_view name);
bool IsMetricName(std::string_view name);

}  // namespace tidemark
