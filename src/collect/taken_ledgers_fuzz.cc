// Any bytes name at most so many ledgers, and what was read is written so that it is read again.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "collect/taken_ledgers.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using tidemark::TakenLedgers;
  const auto taken = TakenLedgers::Parse({reinterpret_cast<const char*>(data), size});
  if (taken.size() > TakenLedgers::kMaxLedgers) std::abort();
  for (const tidemark::LedgerFile& file : taken) {
    if (file.path.empty() || file.path.find('\n') != std::string::npos) std::abort();
  }
  if (TakenLedgers::Parse(TakenLedgers::Text(taken)) != taken) std::abort();
  return 0;
}
