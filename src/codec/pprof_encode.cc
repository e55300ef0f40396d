// Profile to pprof (google/pprof proto/profile.proto). Ids are index + 1.
#include <protozero/pbf_writer.hpp>
#include <unordered_map>

#include "base/gzip.h"
#include "codec/pprof.h"

namespace tidemark {
namespace {

using protozero::pbf_writer;

class PprofWriter {
 public:
  explicit PprofWriter(const Profile& profile) : profile_(profile) { Index(""); }

  std::string Write() {
    std::string out;
    pbf_writer message(out);
    for (const ValueType& type : profile_.sample_types) WriteValueType(message, 1, type);
    for (const Sample& sample : profile_.samples) WriteSample(message, sample);
    WriteMappings(message);
    for (size_t i = 0; i < profile_.locations.size(); ++i) WriteLocation(message, i);
    for (size_t i = 0; i < profile_.functions.size(); ++i) WriteFunction(message, i);
    AddInt(message, 7, Index(profile_.drop_frames));
    AddInt(message, 8, Index(profile_.keep_frames));
    AddInt(message, 9, profile_.time_ns);
    AddInt(message, 10, profile_.duration_ns);
    if (profile_.period_type != ValueType{}) WriteValueType(message, 11, profile_.period_type);
    AddInt(message, 12, profile_.period);
    std::vector<int64_t> comments;
    for (const std::string& comment : profile_.comments) comments.push_back(Index(comment));
    message.add_packed_int64(13, comments.begin(), comments.end());
    AddInt(message, 14, Index(profile_.default_sample_type));
    for (const std::string_view text : strings_) message.add_string(6, text.data(), text.size());
    return out;
  }

 private:
  static void AddInt(pbf_writer& out, uint32_t field, int64_t value) {
    if (value != 0) out.add_int64(field, value);
  }

  // `text` lives in profile_.
  int64_t Index(std::string_view text) {
    const auto [at, added] = index_.try_emplace(text, static_cast<int64_t>(strings_.size()));
    if (added) strings_.push_back(text);
    return at->second;
  }

  // The type is written even when it is "": protozero leaves out a message without fields, and a
  // sample type less would shift the values.
  void WriteValueType(pbf_writer& parent, uint32_t field, const ValueType& type) {
    pbf_writer out(parent, field);
    out.add_int64(1, Index(type.type));
    AddInt(out, 2, Index(type.unit));
  }

  void WriteSample(pbf_writer& parent, const Sample& sample) {
    pbf_writer out(parent, 2);
    ids_.clear();
    for (const uint32_t location : sample.locations) ids_.push_back(uint64_t{location} + 1);
    out.add_packed_uint64(1, ids_.begin(), ids_.end());
    out.add_packed_int64(2, sample.values.begin(), sample.values.end());
    for (const Label& label : sample.labels) {
      pbf_writer label_out(out, 3);
      AddInt(label_out, 1, Index(label.key));
      AddInt(label_out, 2, Index(label.text));
      if (label.text.empty()) AddInt(label_out, 3, label.number);
      AddInt(label_out, 4, Index(label.unit));
    }
  }

  // The has_* flags keep pprof from symbolizing again what has names already.
  void WriteMappings(pbf_writer& parent) {
    std::vector<bool> named(profile_.mappings.size()), filed(named), lined(named), inlined(named);
    for (const Location& location : profile_.locations) {
      if (location.mapping == kNoIndex) continue;
      if (location.lines.size() > 1) inlined[location.mapping] = true;
      for (const Line& line : location.lines) {
        const Function& function = profile_.functions[line.function];
        if (!function.name.empty()) named[location.mapping] = true;
        if (!function.file.empty()) filed[location.mapping] = true;
        if (line.line != 0) lined[location.mapping] = true;
      }
    }
    for (size_t i = 0; i < profile_.mappings.size(); ++i) {
      const Mapping& mapping = profile_.mappings[i];
      pbf_writer out(parent, 3);
      out.add_uint64(1, i + 1);
      if (mapping.start != 0) out.add_uint64(2, mapping.start);
      if (mapping.limit != 0) out.add_uint64(3, mapping.limit);
      if (mapping.file_offset != 0) out.add_uint64(4, mapping.file_offset);
      AddInt(out, 5, Index(mapping.file));
      AddInt(out, 6, Index(mapping.build_id));
      if (named[i]) out.add_bool(7, true);
      if (filed[i]) out.add_bool(8, true);
      if (lined[i]) out.add_bool(9, true);
      if (inlined[i]) out.add_bool(10, true);
    }
  }

  void WriteLocation(pbf_writer& parent, size_t index) {
    const Location& location = profile_.locations[index];
    pbf_writer out(parent, 4);
    out.add_uint64(1, index + 1);
    if (location.mapping != kNoIndex) out.add_uint64(2, uint64_t{location.mapping} + 1);
    if (location.address != 0) out.add_uint64(3, location.address);
    for (const Line& line : location.lines) {
      pbf_writer line_out(out, 4);
      line_out.add_uint64(1, uint64_t{line.function} + 1);
      AddInt(line_out, 2, line.line);
    }
  }

  void WriteFunction(pbf_writer& parent, size_t index) {
    const Function& function = profile_.functions[index];
    pbf_writer out(parent, 5);
    out.add_uint64(1, index + 1);
    AddInt(out, 2, Index(function.name));
    AddInt(out, 3, Index(function.system_name));
    AddInt(out, 4, Index(function.file));
    AddInt(out, 5, function.start_line);
  }

  const Profile& profile_;
  std::unordered_map<std::string_view, int64_t> index_;
  std::vector<std::string_view> strings_;
  std::vector<uint64_t> ids_;
};

}  // namespace

std::string EncodePprof(const Profile& profile) { return Gzip(PprofWriter(profile).Write()); }

}  // namespace tidemark
