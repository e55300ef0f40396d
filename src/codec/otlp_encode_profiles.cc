// Profiles as OTLP, in the layout of opentelemetry-proto v1.10 and v1.11: one Profile message for
// each sample type, all over one dictionary.
#include <unordered_map>

#include "codec/ids.h"
#include "codec/otlp.h"
#include "codec/otlp_write.h"

namespace tidemark {
namespace codec {
namespace {

using protozero::pbf_writer;

// A table of the dictionary: entries by their bytes, each once. Entry 0 is the zero value.
class Table {
 public:
  explicit Table(std::string zero = {}) { Add(std::move(zero)); }

  int32_t Add(std::string bytes) {
    const auto [at, added] =
        index_.try_emplace(std::move(bytes), static_cast<int32_t>(entries_.size()));
    if (added) entries_.push_back(&at->first);
    return at->second;
  }

  void Write(pbf_writer& dictionary, uint32_t field) const {
    for (const std::string* entry : entries_) dictionary.add_bytes(field, *entry);
  }

 private:
  std::unordered_map<std::string, int32_t> index_;
  std::vector<const std::string*> entries_;  // keys of index_, which stay where they are
};

struct SampleRefs {
  int32_t stack = 0, link = 0;
  std::vector<int32_t> attributes;
};

void AddInt(pbf_writer& out, uint32_t field, int64_t value) {
  if (value != 0) out.add_int64(field, value);
}

class ProfilesWriter {
 public:
  void WriteBatch(pbf_writer& request, const ProfileBatch& batch) {
    pbf_writer resource_profiles(request, 1);
    WriteResource(resource_profiles, batch.resource);
    pbf_writer scope_profiles(resource_profiles, 2);
    const Profile& profile = batch.profile;
    if (!profile.default_sample_type.empty()) {
      pbf_writer scope(scope_profiles, 1);
      WriteAttribute(scope, 3, "pprof.scope.default_sample_type", profile.default_sample_type);
    }
    AddTables(profile);
    for (size_t column = 0; column < profile.sample_types.size(); ++column) {
      WriteProfile(scope_profiles, profile, column);
    }
  }

  void WriteDictionary(pbf_writer& request) const {
    pbf_writer dictionary(request, 2);
    mappings_.Write(dictionary, 1);
    locations_.Write(dictionary, 2);
    functions_.Write(dictionary, 3);
    links_.Write(dictionary, 4);
    strings_.Write(dictionary, 5);
    attributes_.Write(dictionary, 6);
    stacks_.Write(dictionary, 7);
  }

 private:
  void AddTables(const Profile& profile) {
    mapping_index_.clear();
    function_index_.clear();
    location_index_.clear();
    samples_.clear();
    for (const Mapping& mapping : profile.mappings) mapping_index_.push_back(AddMapping(mapping));
    for (const Function& function : profile.functions)
      function_index_.push_back(AddFunction(function));
    for (const Location& location : profile.locations)
      location_index_.push_back(AddLocation(location));
    for (const Sample& sample : profile.samples) samples_.push_back(AddSample(sample));
  }

  int32_t AddMapping(const Mapping& mapping) {
    std::string bytes;
    pbf_writer out(bytes);
    out.add_uint64(1, mapping.start);
    out.add_uint64(2, mapping.limit);
    out.add_uint64(3, mapping.file_offset);
    out.add_int32(4, strings_.Add(mapping.file));
    if (!mapping.build_id.empty()) {
      const int32_t attribute =
          AddTextAttribute("process.executable.build_id.gnu", mapping.build_id);
      out.add_packed_int32(5, &attribute, &attribute + 1);
    }
    return mappings_.Add(std::move(bytes));
  }

  int32_t AddFunction(const Function& function) {
    std::string bytes;
    pbf_writer out(bytes);
    out.add_int32(1, strings_.Add(function.name));
    out.add_int32(2, strings_.Add(function.system_name));
    out.add_int32(3, strings_.Add(function.file));
    AddInt(out, 4, function.start_line);
    return functions_.Add(std::move(bytes));
  }

  int32_t AddLocation(const Location& location) {
    std::string bytes;
    pbf_writer out(bytes);
    out.add_int32(1, location.mapping == kNoIndex ? 0 : mapping_index_[location.mapping]);
    out.add_uint64(2, location.address);
    for (const Line& line : location.lines) {
      pbf_writer line_out(out, 3);
      line_out.add_int32(1, function_index_[line.function]);
      AddInt(line_out, 2, line.line);
    }
    return locations_.Add(std::move(bytes));
  }

  SampleRefs AddSample(const Sample& sample) {
    SampleRefs refs;
    if (!sample.locations.empty()) {
      std::vector<int32_t> stack;
      for (const uint32_t location : sample.locations) stack.push_back(location_index_[location]);
      std::string bytes;
      pbf_writer(bytes).add_packed_int32(1, stack.begin(), stack.end());
      refs.stack = stacks_.Add(std::move(bytes));
    }
    TraceId trace_id;
    SpanId span_id = SpanId::kNone;
    for (const Label& label : sample.labels) {
      if (label.key == "trace_id" && !trace_id && FromHex(label.text, &trace_id)) continue;
      if (label.key == "span_id" && span_id == SpanId::kNone && FromHex(label.text, &span_id))
        continue;
      refs.attributes.push_back(AddLabel(label));
    }
    if (trace_id || span_id != SpanId::kNone) refs.link = AddLink(trace_id, span_id);
    return refs;
  }

  int32_t AddLink(TraceId trace_id, SpanId span_id) {
    std::string bytes;
    pbf_writer out(bytes);
    out.add_bytes(1, BytesOf(trace_id));
    out.add_bytes(2, BytesOf(span_id));
    return links_.Add(std::move(bytes));
  }

  int32_t AddLabel(const Label& label) {
    std::string value;
    pbf_writer out(value);
    // A number is sent even when it is 0: it is a member of a oneof.
    label.text.empty() ? out.add_int64(3, label.number) : out.add_string(1, label.text);
    return AddAttribute(label.key, value, label.unit);
  }

  int32_t AddTextAttribute(const std::string& key, const std::string& text) {
    std::string value;
    pbf_writer(value).add_string(1, text);
    return AddAttribute(key, value, {});
  }

  int32_t AddAttribute(const std::string& key, const std::string& value, const std::string& unit) {
    std::string bytes;
    pbf_writer out(bytes);
    out.add_int32(1, strings_.Add(key));
    out.add_message(2, value);
    AddInt(out, 3, strings_.Add(unit));
    return attributes_.Add(std::move(bytes));
  }

  void WriteValueType(pbf_writer& parent, uint32_t field, const ValueType& type) {
    pbf_writer out(parent, field);
    out.add_int32(1, strings_.Add(type.type));
    out.add_int32(2, strings_.Add(type.unit));
  }

  void WriteProfile(pbf_writer& scope_profiles, const Profile& profile, size_t column) {
    pbf_writer out(scope_profiles, 2);
    WriteValueType(out, 1, profile.sample_types[column]);
    for (size_t i = 0; i < profile.samples.size(); ++i) {
      const int64_t value = profile.samples[i].values[column];
      // The first column holds every sample, so that a reader finds them in our order; the others
      // only what they count.
      if (value != 0 || column == 0) WriteSample(out, samples_[i], value);
    }
    out.add_fixed64(3, static_cast<uint64_t>(profile.time_ns));
    if (profile.duration_ns > 0) out.add_uint64(4, static_cast<uint64_t>(profile.duration_ns));
    if (profile.period_type != ValueType{}) WriteValueType(out, 5, profile.period_type);
    AddInt(out, 6, profile.period);
    const std::vector<int32_t> attributes = ProfileAttributes(profile);
    out.add_packed_int32(11, attributes.begin(), attributes.end());
  }

  static void WriteSample(pbf_writer& profile, const SampleRefs& refs, int64_t value) {
    pbf_writer out(profile, 2);
    AddInt(out, 1, refs.stack);
    out.add_packed_int32(2, refs.attributes.begin(), refs.attributes.end());
    AddInt(out, 3, refs.link);
    out.add_packed_int64(4, &value, &value + 1);
  }

  std::vector<int32_t> ProfileAttributes(const Profile& profile) {
    std::vector<int32_t> attributes;
    if (!profile.drop_frames.empty()) {
      attributes.push_back(AddTextAttribute("pprof.profile.drop_frames", profile.drop_frames));
    }
    if (!profile.keep_frames.empty()) {
      attributes.push_back(AddTextAttribute("pprof.profile.keep_frames", profile.keep_frames));
    }
    if (profile.comments.empty()) return attributes;
    std::string array, value;
    pbf_writer array_out(array);
    for (const std::string& comment : profile.comments)
      pbf_writer(array_out, 1).add_string(1, comment);
    pbf_writer(value).add_message(5, array);
    attributes.push_back(AddAttribute("pprof.profile.comment", value, {}));
    return attributes;
  }

  Table mappings_, locations_, functions_, strings_, attributes_, stacks_;
  Table links_{[] {
    std::string zero;
    pbf_writer out(zero);
    out.add_bytes(1, std::string(16, '\0'));
    out.add_bytes(2, std::string(8, '\0'));
    return zero;
  }()};
  // Of the profile being written: its indices in the dictionary.
  std::vector<int32_t> mapping_index_, function_index_, location_index_;
  std::vector<SampleRefs> samples_;
};

}  // namespace
}  // namespace codec

std::string EncodeProfilesRequest(const std::vector<ProfileBatch>& batches) {
  std::string out;
  protozero::pbf_writer request(out);
  codec::ProfilesWriter writer;
  for (const ProfileBatch& batch : batches) writer.WriteBatch(request, batch);
  writer.WriteDictionary(request);
  return out;
}

}  // namespace tidemark
