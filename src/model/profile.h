// A heap profile in memory: the shape of pprof's Profile message (google/pprof proto/profile.proto)
// with indices into vectors in place of ids.
//
//   sample --locations[leaf first]--> location --lines[innermost inline first]--> function
//                                        \--mapping--> mapping (build id)
//
// Every index is checked by whoever fills the profile in; readers may rely on it (see Validate).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/target.h"

namespace tidemark {

inline constexpr uint32_t kNoIndex = UINT32_MAX;

struct ValueType {
  std::string type;  // inuse_space, inuse_objects, alloc_space, alloc_objects
  std::string unit;  // bytes, count
  bool operator==(const ValueType&) const = default;
};

// A tag of a sample: text, or a number with a unit when `text` is empty.
// Ours: "trace_id" and "span_id" (hex text) of the span that allocated; "bytes" as Go writes it.
struct Label {
  std::string key;
  std::string text;
  int64_t number = 0;
  std::string unit;
  bool operator==(const Label&) const = default;
};

struct Mapping {
  uint64_t start = 0, limit = 0,
           file_offset = 0;  // address range [start, limit) and where it begins in the file
  std::string file;
  std::string build_id;  // hex
};

struct Function {
  std::string name;         // demangled
  std::string system_name;  // as the linker knows it
  std::string file;
  int64_t start_line = 0;
};

struct Line {
  uint32_t function = 0;
  int64_t line = 0;  // 1-based, 0 = unknown
};

struct Location {
  uint32_t mapping = kNoIndex;
  uint64_t address = 0;
  std::vector<Line> lines;
};

struct Sample {
  std::vector<uint32_t> locations;
  std::vector<int64_t> values;  // one per sample type
  std::vector<Label> labels;
};

struct Profile {
  std::vector<ValueType> sample_types;
  std::vector<Sample> samples;
  std::vector<Mapping> mappings;  // [0] is the main program
  std::vector<Location> locations;
  std::vector<Function> functions;
  std::string default_sample_type;
  std::string drop_frames,
      keep_frames;  // regular expressions over function names, as pprof applies them
  ValueType period_type;
  int64_t period = 0;       // mean distance between samples, in period_type units; 0 = unknown
  int64_t time_ns = 0;      // event time
  int64_t duration_ns = 0;  // 0 for a snapshot
  std::vector<std::string> comments;  // annotations, "key: value" each

  // Index of the sample type named `type`, or kNoIndex. "space" and "objects" stand for the inuse
  // types where a profile has no others (tcmalloc, gperftools).
  uint32_t TypeIndex(std::string_view type) const;

  // Sum of one value column.
  int64_t Total(uint32_t type_index) const;
};

// Errors (invalid argument, naming the place): an index out of range, a sample whose number of
// values is not that of the sample types.
Result<void> Validate(const Profile& profile);

// A profile of one sender.
struct ProfileBatch {
  Resource resource;
  Profile profile;
};

}  // namespace tidemark
