// The peer of the benchmark: libprotobuf's generated classes for the same definitions, parsed into
// an arena and copied into the same model.
#pragma once

#include <string_view>
#include <vector>

#include "model/point.h"
#include "model/span.h"

namespace tidemark::bench {

std::vector<SpanBatch> PeerDecodeTraces(std::string_view body);
std::vector<MetricBatch> PeerDecodeMetrics(std::string_view body);

}  // namespace tidemark::bench
