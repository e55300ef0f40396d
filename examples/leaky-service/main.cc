// A shop that keeps every ended checkout span in a global map: about 2.4 KB for each request to
// /checkout, for ever.
#include "options.h"
#include "service.h"
#include "span_archive.h"

int main(int argc, char** argv) {
  int status = 0;
  const auto options = shop::ReadOptions(argc, argv, "leaky-service", &status);
  if (!options) return status;
  return shop::Serve(*options, {shop::KeepEndedSpan, {}});
}
