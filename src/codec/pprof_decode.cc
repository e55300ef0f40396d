// pprof to Profile (google/pprof proto/profile.proto). Ids become indices; the string table may
// stand anywhere, Go writes it last, so entries are gathered first and read after.
#include <optional>
#include <unordered_map>

#include "base/gzip.h"
#include "codec/heap_text.h"
#include "codec/limits.h"
#include "codec/pprof.h"
#include "codec/text.h"
#include "codec/wire.h"

namespace tidemark {
namespace codec {
namespace {

// Index of each id. Most writers number from 1 upwards; others use addresses.
class IdMap {
 public:
  explicit IdMap(size_t entries) : dense_(entries * 2 + 64, kNoIndex) {}

  // False when the id is 0 or taken.
  bool Add(uint64_t id, uint32_t index) {
    if (id == 0) return false;
    if (id >= dense_.size()) return sparse_.try_emplace(id, index).second;
    if (dense_[id] != kNoIndex) return false;
    dense_[id] = index;
    return true;
  }

  uint32_t Find(uint64_t id) const {
    if (id < dense_.size()) return dense_[id];
    const auto at = sparse_.find(id);
    return at == sparse_.end() ? kNoIndex : at->second;
  }

 private:
  std::vector<uint32_t> dense_;
  std::unordered_map<uint64_t, uint32_t> sparse_;
};

// Entries of the top-level tables, undecoded.
struct Tables {
  std::vector<View> sample_types, samples, mappings, locations, functions, strings;
  View period_type;
  std::vector<int64_t> comments;
  int64_t drop_frames = 0, keep_frames = 0, default_type = 0;
};

class PprofReader {
 public:
  PprofReader(Place* place, const PprofLimits& limits) : place_(place), limits_(limits) {}

  Result<Profile> Read(View body) {
    TIDEMARK_RETURN_IF_ERROR(Gather(body));
    if (tables_.sample_types.empty()) return Bad("it has no sample types");
    if (tables_.strings.empty() || !tables_.strings[0].empty()) {
      return Bad("its string table does not begin with \"\"");
    }
    TIDEMARK_RETURN_IF_ERROR(ReadHead());
    IdMap mappings(tables_.mappings.size()), functions(tables_.functions.size()),
        locations(tables_.locations.size());
    for (const View view : tables_.mappings) TIDEMARK_RETURN_IF_ERROR(ReadMapping(view, &mappings));
    for (const View view : tables_.functions)
      TIDEMARK_RETURN_IF_ERROR(ReadFunction(view, &functions));
    for (const View view : tables_.locations) {
      TIDEMARK_RETURN_IF_ERROR(ReadLocation(view, mappings, functions, &locations));
    }
    profile_.samples.reserve(tables_.samples.size());
    for (const View view : tables_.samples) TIDEMARK_RETURN_IF_ERROR(ReadSample(view, locations));
    return std::move(profile_);
  }

 private:
  static Error Bad(const std::string& what) { return InvalidArgument("pprof profile: " + what); }

  Result<void> Gather(View body) {
    size_t entries = 0;
    const auto add_comment = [&](uint64_t i) {
      tables_.comments.push_back(static_cast<int64_t>(i));
    };
    for (Message message(body, place_); message.Next();) {
      if (++entries > limits_.max_table_entries ||
          tables_.comments.size() > limits_.max_table_entries) {
        return TooLarge("pprof profile: more than " + std::to_string(limits_.max_table_entries) +
                        " samples, locations, functions and strings");
      }
      switch (message.tag_and_type()) {
        case Bytes(1):
          tables_.sample_types.push_back(message.Text());
          break;
        case Bytes(2):
          tables_.samples.push_back(message.Text());
          break;
        case Bytes(3):
          tables_.mappings.push_back(message.Text());
          break;
        case Bytes(4):
          tables_.locations.push_back(message.Text());
          break;
        case Bytes(5):
          tables_.functions.push_back(message.Text());
          break;
        case Bytes(6):
          tables_.strings.push_back(message.Text());
          break;
        case Varint(7):
          tables_.drop_frames = message.get_int64();
          break;
        case Varint(8):
          tables_.keep_frames = message.get_int64();
          break;
        case Varint(9):
          profile_.time_ns = message.get_int64();
          break;
        case Varint(10):
          profile_.duration_ns = message.get_int64();
          break;
        case Bytes(11):
          tables_.period_type = message.Text();
          break;
        case Varint(12):
          profile_.period = message.get_int64();
          break;
        case Bytes(13):
          message.EachPackedVarint(add_comment);
          break;
        case Varint(13):
          add_comment(message.get_uint64());
          break;
        case Varint(14):
          tables_.default_type = message.get_int64();
          break;
        default:
          message.skip();
      }
    }
    return {};
  }

  // The text at `index` of the string table.
  Result<void> String(int64_t index, std::string* out) {
    if (index < 0 || static_cast<uint64_t>(index) >= tables_.strings.size()) {
      return Bad("string index " + std::to_string(index) + " is outside the string table of " +
                 std::to_string(tables_.strings.size()));
    }
    out->clear();
    AppendUtf8(tables_.strings[static_cast<size_t>(index)], out);
    return Charge(out->size());
  }

  // Many entries may name one long string, so what is copied is bounded.
  Result<void> Charge(size_t bytes) {
    charged_ += bytes;
    if (charged_ <= kMaxExpandedBytes) return {};
    return TooLarge("pprof profile: grows to more than " + std::to_string(kMaxExpandedBytes) +
                    " bytes");
  }

  Result<void> ReadHead() {
    for (const View view : tables_.sample_types) {
      TIDEMARK_RETURN_IF_ERROR(ReadValueType(view, &profile_.sample_types.emplace_back()));
    }
    TIDEMARK_RETURN_IF_ERROR(ReadValueType(tables_.period_type, &profile_.period_type));
    TIDEMARK_RETURN_IF_ERROR(String(tables_.drop_frames, &profile_.drop_frames));
    TIDEMARK_RETURN_IF_ERROR(String(tables_.keep_frames, &profile_.keep_frames));
    TIDEMARK_RETURN_IF_ERROR(String(tables_.default_type, &profile_.default_sample_type));
    for (const int64_t comment : tables_.comments) {
      TIDEMARK_RETURN_IF_ERROR(String(comment, &profile_.comments.emplace_back()));
      TIDEMARK_RETURN_IF_ERROR(Charge(sizeof(std::string)));
    }
    return {};
  }

  Result<void> ReadValueType(View body, ValueType* out) {
    int64_t type = 0, unit = 0;
    for (Message message(body, place_); message.Next();) {
      switch (message.tag_and_type()) {
        case Varint(1):
          type = message.get_int64();
          break;
        case Varint(2):
          unit = message.get_int64();
          break;
        default:
          message.skip();
      }
    }
    TIDEMARK_RETURN_IF_ERROR(String(type, &out->type));
    return String(unit, &out->unit);
  }

  Result<void> ReadMapping(View body, IdMap* ids) {
    Mapping mapping;
    uint64_t id = 0;
    int64_t file = 0, build_id = 0;
    for (Message message(body, place_); message.Next();) {
      switch (message.tag_and_type()) {
        case Varint(1):
          id = message.get_uint64();
          break;
        case Varint(2):
          mapping.start = message.get_uint64();
          break;
        case Varint(3):
          mapping.limit = message.get_uint64();
          break;
        case Varint(4):
          mapping.file_offset = message.get_uint64();
          break;
        case Varint(5):
          file = message.get_int64();
          break;
        case Varint(6):
          build_id = message.get_int64();
          break;
        default:
          message.skip();
      }
    }
    TIDEMARK_RETURN_IF_ERROR(String(file, &mapping.file));
    TIDEMARK_RETURN_IF_ERROR(String(build_id, &mapping.build_id));
    if (!ids->Add(id, static_cast<uint32_t>(profile_.mappings.size()))) return BadId("mapping", id);
    profile_.mappings.push_back(std::move(mapping));
    return {};
  }

  static Error BadId(const char* what, uint64_t id) {
    return Bad(std::string(what) + " id " + std::to_string(id) + " is 0 or given twice");
  }

  Result<void> ReadFunction(View body, IdMap* ids) {
    Function function;
    uint64_t id = 0;
    int64_t name = 0, system_name = 0, file = 0;
    for (Message message(body, place_); message.Next();) {
      switch (message.tag_and_type()) {
        case Varint(1):
          id = message.get_uint64();
          break;
        case Varint(2):
          name = message.get_int64();
          break;
        case Varint(3):
          system_name = message.get_int64();
          break;
        case Varint(4):
          file = message.get_int64();
          break;
        case Varint(5):
          function.start_line = message.get_int64();
          break;
        default:
          message.skip();
      }
    }
    TIDEMARK_RETURN_IF_ERROR(String(name, &function.name));
    TIDEMARK_RETURN_IF_ERROR(String(system_name, &function.system_name));
    TIDEMARK_RETURN_IF_ERROR(String(file, &function.file));
    if (!ids->Add(id, static_cast<uint32_t>(profile_.functions.size())))
      return BadId("function", id);
    profile_.functions.push_back(std::move(function));
    return {};
  }

  Result<void> ReadLocation(View body, const IdMap& mappings, const IdMap& functions, IdMap* ids) {
    Location location;
    uint64_t id = 0;
    for (Message message(body, place_); message.Next();) {
      switch (message.tag_and_type()) {
        case Varint(1):
          id = message.get_uint64();
          break;
        // A mapping that is not there is none, as it is for `go tool pprof`.
        case Varint(2):
          location.mapping = mappings.Find(message.get_uint64());
          break;
        case Varint(3):
          location.address = message.get_uint64();
          break;
        case Bytes(4): {
          uint64_t function = 0;
          const Line line = ReadLine(message.Text(), functions, &function);
          if (line.function == kNoIndex) {
            return Bad("location " + std::to_string(id) + " has a line in function " +
                       std::to_string(function) + ", which is not there");
          }
          location.lines.push_back(line);
          TIDEMARK_RETURN_IF_ERROR(Charge(sizeof(Line)));
          break;
        }
        default:
          message.skip();
      }
    }
    if (!ids->Add(id, static_cast<uint32_t>(profile_.locations.size())))
      return BadId("location", id);
    profile_.locations.push_back(std::move(location));
    return {};
  }

  Line ReadLine(View body, const IdMap& functions, uint64_t* function) {
    Line line;
    for (Message message(body, place_); message.Next();) {
      switch (message.tag_and_type()) {
        case Varint(1):
          *function = message.get_uint64();
          break;
        case Varint(2):
          line.line = message.get_int64();
          break;
        default:
          message.skip();
      }
    }
    line.function = functions.Find(*function);
    return line;
  }

  Result<void> ReadSample(View body, const IdMap& locations) {
    Sample& sample = profile_.samples.emplace_back();
    std::optional<uint64_t> missing;
    const auto add_location = [&](uint64_t id) {
      const uint32_t index = locations.Find(id);
      if (index == kNoIndex) missing = id;
      sample.locations.push_back(index);
    };
    const auto add_value = [&](uint64_t value) {
      sample.values.push_back(static_cast<int64_t>(value));
    };
    for (Message message(body, place_); message.Next();) {
      switch (message.tag_and_type()) {
        case Bytes(1):
          message.EachPackedVarint(add_location);
          break;
        case Varint(1):
          add_location(message.get_uint64());
          break;
        case Bytes(2):
          message.EachPackedVarint(add_value);
          break;
        case Varint(2):
          add_value(message.get_uint64());
          break;
        case Bytes(3):
          TIDEMARK_RETURN_IF_ERROR(ReadLabel(message.Text(), &sample.labels));
          break;
        default:
          message.skip();
      }
    }
    const auto place = [&] { return "sample " + std::to_string(profile_.samples.size() - 1); };
    if (missing)
      return Bad(place() + " names location " + std::to_string(*missing) + ", which is not there");
    if (sample.values.size() != profile_.sample_types.size()) {
      return Bad(place() + " has " + std::to_string(sample.values.size()) + " values for " +
                 std::to_string(profile_.sample_types.size()) + " sample types");
    }
    return Charge(sizeof(Sample) + sample.locations.size() * sizeof(uint32_t) +
                  sample.values.size() * sizeof(int64_t));
  }

  Result<void> ReadLabel(View body, std::vector<Label>* labels) {
    int64_t key = 0, text = 0, unit = 0;
    Label label;
    for (Message message(body, place_); message.Next();) {
      switch (message.tag_and_type()) {
        case Varint(1):
          key = message.get_int64();
          break;
        case Varint(2):
          text = message.get_int64();
          break;
        case Varint(3):
          label.number = message.get_int64();
          break;
        case Varint(4):
          unit = message.get_int64();
          break;
        default:
          message.skip();
      }
    }
    TIDEMARK_RETURN_IF_ERROR(String(key, &label.key));
    TIDEMARK_RETURN_IF_ERROR(String(text, &label.text));
    TIDEMARK_RETURN_IF_ERROR(String(unit, &label.unit));
    if (!label.text.empty()) label.number = 0;
    labels->push_back(std::move(label));
    return Charge(sizeof(Label));
  }

  Place* place_;
  PprofLimits limits_;
  Tables tables_;
  Profile profile_;
  size_t charged_ = 0;
};

}  // namespace
}  // namespace codec

Result<Profile> DecodeProfile(std::string_view bytes, const PprofLimits& limits) {
  using namespace codec;  // NOLINT: the reader of this file
  std::string inflated;
  if (LooksLikeGzip(bytes)) {
    TIDEMARK_ASSIGN_OR_RETURN(inflated, Gunzip(bytes, limits.max_inflated_bytes));
    bytes = inflated;
  }
  if (bytes.empty())
    return InvalidArgument("profile: 0 bytes; expected pprof or heap profile text");
  if (bytes.size() > limits.max_inflated_bytes) {
    return TooLarge("profile: " + std::to_string(bytes.size()) + " bytes; the limit is " +
                    std::to_string(limits.max_inflated_bytes));
  }
  if (LooksLikeHeapText(bytes)) return DecodeHeapText(bytes, limits.max_table_entries);
  return Guarded<Profile>(bytes, "pprof profile",
                          [&](Place* place) { return PprofReader(place, limits).Read(bytes); });
}

}  // namespace tidemark
