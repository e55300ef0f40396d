// An annotated heap profile in one call: sdk-capture FILE. Run it as
//   tidemark run -- sdk-capture heap.pb.gz && go tool pprof -comments heap.pb.gz
#include <cstdio>
#include <string>
#include <vector>

#include "tidemark/leak_detector.hpp"

int main(int argc, char** argv) {
  std::vector<std::string> kept;
  for (int i = 0; i < 64; ++i) kept.emplace_back(1 << 20, 'k');
  tidemark::sdk::CaptureOptions options;
  options.trigger = "demand";
  options.annotations = {{"ticket", "OPS-1"}};
  std::string error;
  if (tidemark::sdk::CaptureHeapProfile(argc > 1 ? argv[1] : "heap.pb.gz", options, &error)) {
    return 0;
  }
  std::fprintf(stderr, "%s\n", error.c_str());
  return 1;
}
