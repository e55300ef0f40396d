// Which release's layout of OTLP profiles a request has. The layouts share path and package, so
// only content tells them apart: L4 = opentelemetry-proto v1.8, L5 = v1.9, L6 = v1.10 and v1.11 are
// read; L1 to L3 (v1.4 to v1.7) are refused.
#pragma once

#include "base/result.h"
#include "codec/wire.h"

namespace tidemark::codec {

enum class ProfileLayout { kL4, kL5, kL6 };

// Where a Sample keeps what moved between L5 and L6.
struct SampleFields {
  uint32_t attributes, link, values;
};
constexpr SampleFields FieldsOf(ProfileLayout layout) {
  return layout == ProfileLayout::kL6 ? SampleFields{2, 3, 4} : SampleFields{3, 4, 2};
}

// Looks at field numbers and wire types of the whole request. Timestamp-only samples do not tell;
// they are taken as L6. Error: invalid argument, naming the release that was seen. Throws
// protozero's exceptions.
Result<ProfileLayout> DetectLayout(View body, Place* place);

}  // namespace tidemark::codec
