// A single instance that grows away from its peers of the same version.
#pragma once

#include <optional>

#include "detect/version_judge.h"

namespace tidemark::detector {

std::optional<Finding> FindGrowingPod(const VersionQuestion& question);

}  // namespace tidemark::detector
