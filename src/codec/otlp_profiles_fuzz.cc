#include "codec/fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const tidemark::codec::FuzzInput input(data, size);
  const auto decoded = tidemark::DecodeProfiles(input.body, input.encoding);
  if (!decoded) return 0;
  for (const auto& batch : decoded->batches) {
    if (!tidemark::Validate(batch.profile)) __builtin_trap();
  }
  const auto again = tidemark::DecodeProfiles(tidemark::EncodeProfilesRequest(decoded->batches),
                                              tidemark::OtlpEncoding::kProtobuf);
  if (!again || again->batches.size() != decoded->batches.size()) __builtin_trap();
  return 0;
}
