// What a server may answer an export with: a body and a Retry-After header.
#include <string>

#include "telemetry/otlp_requests.h"
#include "telemetry/retry.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view answer(reinterpret_cast<const char*>(data), size);
  std::string message;
  tidemark::sdk::RejectedItems(answer, &message);
  if (message.size() > size) __builtin_trap();
  if (tidemark::sdk::RetryAfterNs(std::string(answer), 1'700'000'000'000'000'000) < 0) {
    __builtin_trap();
  }
  return 0;
}
