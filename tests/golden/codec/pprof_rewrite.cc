// Reads a profile in any format that we read and writes it as pprof: pprof_rewrite IN OUT. For
// go_tool_check.sh.
#include <cstdio>
#include <fstream>
#include <iterator>

#include "codec/pprof.h"

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s IN OUT\n", argv[0]);
    return 2;
  }
  std::ifstream in(argv[1], std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  auto profile = tidemark::DecodeProfile(bytes);
  if (!profile) {
    std::fprintf(stderr, "%s: %s\n", argv[1], profile.error().message.c_str());
    return 1;
  }
  profile->comments.push_back("trigger: growth");
  if (!profile->samples.empty()) {
    profile->samples.back().labels.push_back({"trace_id", "0af7651916cd43dd8448eb211c80319c"});
  }
  std::ofstream out(argv[2], std::ios::binary);
  out << tidemark::EncodePprof(*profile);
  return out.good() ? 0 : 1;
}
