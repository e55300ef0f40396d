// Attributes as one column: the canonical text of model/target.h, and back.
#pragma once

#include <string_view>

#include "model/target.h"

namespace tidemark {

// The inverse of CanonicalText. Text that it never writes gives what can be made of it, never an
// error.
Attributes ParseCanonicalText(std::string_view text);

}  // namespace tidemark
