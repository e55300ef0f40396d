#include "codec/fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const tidemark::codec::FuzzInput input(data, size);
  if (const auto decoded = tidemark::DecodeTraces(input.body, input.encoding)) {
    // What was read can be written, and reads back as much.
    const auto again = tidemark::DecodeTraces(tidemark::EncodeTracesRequest(decoded->batches),
                                              tidemark::OtlpEncoding::kProtobuf);
    if (!again || again->batches.size() != decoded->batches.size()) __builtin_trap();
    tidemark::EncodeExportResponse(tidemark::OtlpSignal::kTraces, decoded->rejected,
                                   input.encoding);
  }
  return 0;
}
