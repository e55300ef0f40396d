#include "codec/fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const tidemark::codec::FuzzInput input(data, size);
  if (const auto decoded = tidemark::DecodeMetrics(input.body, input.encoding)) {
    const auto again = tidemark::DecodeMetrics(tidemark::EncodeMetricsRequest(decoded->batches),
                                               tidemark::OtlpEncoding::kProtobuf);
    if (!again || again->batches.size() != decoded->batches.size()) __builtin_trap();
    tidemark::EncodeExportResponse(tidemark::OtlpSignal::kMetrics, decoded->rejected,
                                   input.encoding);
  }
  return 0;
}
