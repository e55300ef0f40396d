// Decoded values as text with indices resolved, so that tests compare meaning and print what
// differs.
#pragma once

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "codec/otlp.h"
#include "codec/text.h"

namespace tidemark::codec {

inline std::string ReadGolden(const std::string& name) {
  std::ifstream file(TIDEMARK_SOURCE_DIR "/tests/golden/codec/" + name, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

inline std::string Describe(const Resource& r) {
  return r.target.service + "|" + r.target.service_namespace + "|" + r.target.version + "|" +
         r.target.instance + "{" + CanonicalText(r.attributes) + "}\n";
}

inline std::string Describe(const std::vector<SpanBatch>& batches) {
  std::string out;
  for (const SpanBatch& batch : batches) {
    out += Describe(batch.resource);
    for (const Span& s : batch.spans) {
      out += ToHex(s.trace_id) + "/" + ToHex(s.span_id) + "/" + ToHex(s.parent_id) + " " + s.name +
             " route=" + s.route + " kind=" + std::to_string(static_cast<int>(s.kind)) +
             (s.error ? " error " : " ok ") + std::to_string(s.start_ns) + ".." +
             std::to_string(s.end_ns) + "\n";
    }
  }
  return out;
}

inline std::string Describe(const std::vector<MetricBatch>& batches) {
  std::string out;
  for (const MetricBatch& batch : batches) {
    out += Describe(batch.resource);
    for (const Point& p : batch.points) {
      out += p.metric + "[" + p.unit + "]{" + CanonicalText(p.attributes) + "} " +
             (p.kind == PointKind::kCounter ? "counter " : "gauge ") + std::to_string(p.start_ns) +
             ".." + std::to_string(p.time_ns) + " = " + NumberText(p.value) + "\n";
    }
  }
  return out;
}

inline std::string Describe(const ValueType& type) { return type.type + "/" + type.unit; }

inline std::string Describe(const Profile& p, uint32_t location_index) {
  const Location& location = p.locations[location_index];
  std::string out = " " + std::to_string(location.address);
  if (location.mapping != kNoIndex) {
    const Mapping& m = p.mappings[location.mapping];
    out += "@" + m.file + "(" + m.build_id + "," + std::to_string(m.start) + "-" +
           std::to_string(m.limit) + "+" + std::to_string(m.file_offset) + ")";
  }
  for (const Line& line : location.lines) {
    const Function& f = p.functions[line.function];
    out += "<" + f.name + "," + f.system_name + "," + f.file + "," + std::to_string(f.start_line) +
           ":" + std::to_string(line.line) + ">";
  }
  return out;
}

// Order of labels and of samples says nothing.
inline std::string Describe(const Profile& p) {
  std::string out;
  for (const ValueType& type : p.sample_types) out += Describe(type) + " ";
  out += "default=" + p.default_sample_type + " drop=" + p.drop_frames + " keep=" + p.keep_frames +
         " period=" + std::to_string(p.period) + " " + Describe(p.period_type) +
         " time=" + std::to_string(p.time_ns) + "+" + std::to_string(p.duration_ns) + "\n";
  for (const std::string& comment : p.comments) out += "comment " + comment + "\n";
  std::vector<std::string> samples;
  for (const Sample& sample : p.samples) {
    std::string text;
    for (const uint32_t location : sample.locations) text += Describe(p, location);
    text += " =";
    for (const int64_t value : sample.values) text += " " + std::to_string(value);
    std::vector<std::string> labels;
    for (const Label& l : sample.labels) {
      labels.push_back(" " + l.key + "=" + l.text + "#" + std::to_string(l.number) + l.unit);
    }
    std::sort(labels.begin(), labels.end());
    for (const std::string& label : labels) text += label;
    samples.push_back(text + "\n");
  }
  std::sort(samples.begin(), samples.end());
  for (const std::string& sample : samples) out += sample;
  return out;
}

inline std::string Describe(const std::vector<ProfileBatch>& batches) {
  std::string out;
  for (const ProfileBatch& batch : batches) {
    out += Describe(batch.resource) + Describe(batch.profile);
  }
  return out;
}

}  // namespace tidemark::codec
