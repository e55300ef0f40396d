// A profile, or the growth between two, as a tree of calls and as a list of functions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/profile.h"
#include "model/stack.h"

namespace tidemark {

// One call path. `value` counts the node and everything it called; `self` only what it allocated
// itself. Identity: value = self + sum of the children's values, and the same for base.
struct FlameNode {
  uint32_t frame = 0;  // index into FlameGraph::frames
  int32_t parent =
      -1;  // index of the caller, -1 for a root; always smaller than the node's own index
  int64_t value = 0, self = 0;
  int64_t base_value = 0,
          base_self = 0;  // the same in the base profile; growth is value - base_value
};

struct FlameGraph {
  std::vector<FrameText> frames;  // one per function and file; the line is the first one seen
  std::vector<FlameNode> nodes;   // preorder, children by falling size
  int64_t total = 0, base_total = 0;
  std::string type, unit;  // of the values: "inuse_space", "bytes"
};

struct FlameOptions {
  std::string type = "inuse_space";
  size_t max_nodes = 200'000;  // the smallest paths beyond are folded into their callers
};

// Tree of `profile`; with `base` given, of both. Errors: not found when a profile has no such
// sample type (names those it has).
Result<FlameGraph> BuildFlame(const Profile& profile, const Profile* base,
                              const FlameOptions& options);

// One row of `tidemark top`: self and cumulative size of a function. Cumulative counts a recursive
// function once.
struct FunctionRow {
  FrameText frame;
  int64_t flat = 0, cumulative = 0;
  int64_t base_flat = 0, base_cumulative = 0;
};

// Rows by falling flat growth (value where there is no base), ties by cumulative, then name.
std::vector<FunctionRow> TopFunctions(const FlameGraph& graph);

// `root;caller;leaf value` a line, as flame graph tools read it. Values are growth when a base was
// given.
std::string Folded(const FlameGraph& graph);

}  // namespace tidemark
