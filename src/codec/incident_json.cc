#include "codec/incident_json.h"

#include <boost/json.hpp>

#include "base/time.h"

namespace tidemark {
namespace {

namespace json = boost::json;

// ---------------------------------------------------------------- to JSON

json::value TimeValue(int64_t time_ns) {
  return time_ns == 0 ? json::value(nullptr) : json::value(FormatRfc3339(time_ns));
}

json::object ToJson(const Estimate& estimate) {
  return {{"value", estimate.value}, {"low", estimate.low}, {"high", estimate.high}};
}

json::object ToJson(const FrameText& frame) {
  return {{"function", frame.function},
          {"file", frame.file},
          {"line", frame.line},
          {"module", frame.module}};
}

json::object ToJson(const StackEvidence& stack) {
  json::array frames;
  for (const FrameText& frame : stack.frames) frames.push_back(ToJson(frame));
  return {{"stack_id", stack.stack_id},
          {"cause", stack.cause},
          {"cause_file", stack.cause_file},
          {"cause_line", stack.cause_line},
          {"growth_bytes_per_hour", ToJson(stack.growth_bytes_per_hour)},
          {"inuse_bytes", stack.inuse_bytes},
          {"inuse_objects", stack.inuse_objects},
          {"growth_share", stack.growth_share},
          {"retained_share", stack.retained_share},
          {"frames", std::move(frames)}};
}

json::object ToJson(const RouteEvidence& route) {
  return {{"route", route.route},
          {"growth_share", route.growth_share},
          {"bytes_per_request", route.bytes_per_request},
          {"requests_per_second", route.requests_per_second},
          {"method", route.method},
          {"survivor_bytes", route.survivor_bytes}};
}

json::object ToJson(const TraceEvidence& trace) {
  return {{"trace_id", ToHex(trace.trace_id)},
          {"span_id", trace.span_id == SpanId::kNone ? "" : ToHex(trace.span_id)},
          {"route", trace.route},
          {"start", TimeValue(trace.start_ns)},
          {"duration_ms", static_cast<double>(trace.duration_ns) / 1e6},
          {"bytes", trace.bytes},
          {"ended", trace.ended}};
}

json::object ToJson(const CaptureRef& capture) {
  return {{"id", capture.id},
          {"role", capture.role},
          {"instance", capture.instance},
          {"version", capture.version},
          {"trigger", capture.trigger},
          {"time", TimeValue(capture.time_ns)},
          {"file", capture.file}};
}

json::object ToJson(const HeapDumpRef& dump) {
  return {{"id", dump.id},
          {"name", dump.name},
          {"version", dump.version},
          {"headline", dump.headline},
          {"time", TimeValue(dump.time_ns)},
          {"partial", dump.partial}};
}

template <typename T>
json::array ToArray(const std::vector<T>& items) {
  json::array out;
  for (const T& item : items) {
    if constexpr (std::is_same_v<T, std::string>) {
      out.push_back(json::string(item));
    } else {
      out.push_back(ToJson(item));
    }
  }
  return out;
}

json::object ToJson(const Evidence& evidence) {
  json::object out{{"stacks", ToArray(evidence.stacks)},
                   {"routes", ToArray(evidence.routes)},
                   {"traces", ToArray(evidence.traces)},
                   {"captures", ToArray(evidence.captures)},
                   {"retention", ToArray(evidence.retention)},
                   {"heap_dumps", ToArray(evidence.heap_dumps)},
                   {"deploy", nullptr}};
  if (evidence.deploy) {
    out["deploy"] = json::object{{"version", evidence.deploy->version},
                                 {"time", TimeValue(evidence.deploy->time_ns)}};
  }
  return out;
}

// ---------------------------------------------------------------- from JSON

// Reads members of one object; the first wrong one is remembered with its key.
class Reader {
 public:
  Reader(const json::object& object, std::string path, std::string* error)
      : object_(object), path_(std::move(path)), error_(error) {}

  void Text(const char* key, std::string* out) {
    if (const json::value* value = Find(key)) {
      if (const json::string* text = value->if_string())
        out->assign(*text);
      else
        Fail(key, "a string");
    }
  }
  template <typename T>
  void Number(const char* key, T* out) {
    if (const json::value* value = Find(key)) {
      boost::system::error_code status;
      const double number = value->to_number<double>(status);
      if (status)
        Fail(key, "a number");
      else if constexpr (std::is_same_v<T, double>)
        *out = number;
      else
        *out = value->is_int64() ? value->get_int64() : static_cast<T>(number);
    }
  }
  void Bool(const char* key, bool* out) {
    if (const json::value* value = Find(key)) {
      if (const bool* flag = value->if_bool())
        *out = *flag;
      else
        Fail(key, "true or false");
    }
  }
  void Time(const char* key, int64_t* time_ns) {
    std::string text;
    if (Find(key) == nullptr) return;
    Text(key, &text);
    const auto time = ParseTime(text);
    if (time)
      *time_ns = *time;
    else
      Fail(key, "an RFC 3339 time");
  }
  void Interval(const char* key, Estimate* out) {
    Object(key, [&](Reader& reader) {
      reader.Number("value", &out->value);
      reader.Number("low", &out->low);
      reader.Number("high", &out->high);
    });
  }
  template <typename F>
  void Object(const char* key, F&& read) {
    if (const json::value* value = Find(key)) {
      if (!value->is_object()) return Fail(key, "an object");
      Reader reader(value->get_object(), path_ + key + ".", error_);
      read(reader);
    }
  }
  template <typename T, typename F>
  void Array(const char* key, std::vector<T>* out, F&& read) {
    const json::value* value = Find(key);
    if (value == nullptr) return;
    if (!value->is_array()) return Fail(key, "an array");
    for (const json::value& item : value->get_array()) {
      if (!item.is_object()) return Fail(key, "an array of objects");
      Reader reader(item.get_object(), path_ + key + "[].", error_);
      read(reader, &out->emplace_back());
    }
  }
  void Texts(const char* key, std::vector<std::string>* out) {
    const json::value* value = Find(key);
    if (value == nullptr) return;
    if (!value->is_array()) return Fail(key, "an array");
    for (const json::value& item : value->get_array()) {
      if (!item.is_string()) return Fail(key, "an array of strings");
      out->emplace_back(item.get_string());
    }
  }
  void Fail(const char* key, const char* expected) {
    if (error_->empty()) *error_ = "key '" + path_ + key + "': expected " + expected;
  }

 private:
  const json::value* Find(const char* key) const {
    const json::value* value = object_.if_contains(key);
    return value == nullptr || value->is_null() ? nullptr : value;
  }
  const json::object& object_;
  const std::string path_;
  std::string* const error_;
};

void Read(Reader& reader, FrameText* frame) {
  reader.Text("function", &frame->function);
  reader.Text("file", &frame->file);
  reader.Number("line", &frame->line);
  reader.Text("module", &frame->module);
}

void Read(Reader& reader, StackEvidence* stack) {
  reader.Text("stack_id", &stack->stack_id);
  reader.Text("cause", &stack->cause);
  reader.Text("cause_file", &stack->cause_file);
  reader.Number("cause_line", &stack->cause_line);
  reader.Interval("growth_bytes_per_hour", &stack->growth_bytes_per_hour);
  reader.Number("inuse_bytes", &stack->inuse_bytes);
  reader.Number("inuse_objects", &stack->inuse_objects);
  reader.Number("growth_share", &stack->growth_share);
  reader.Number("retained_share", &stack->retained_share);
  reader.Array("frames", &stack->frames, [](Reader& r, FrameText* frame) { Read(r, frame); });
}

void Read(Reader& reader, RouteEvidence* route) {
  reader.Text("route", &route->route);
  reader.Number("growth_share", &route->growth_share);
  reader.Number("bytes_per_request", &route->bytes_per_request);
  reader.Number("requests_per_second", &route->requests_per_second);
  reader.Text("method", &route->method);
  reader.Number("survivor_bytes", &route->survivor_bytes);
}

void Read(Reader& reader, TraceEvidence* trace) {
  std::string trace_id, span_id;
  reader.Text("trace_id", &trace_id);
  reader.Text("span_id", &span_id);
  if (!FromHex(trace_id, &trace->trace_id)) reader.Fail("trace_id", "32 hex digits");
  if (!span_id.empty() && !FromHex(span_id, &trace->span_id))
    reader.Fail("span_id", "16 hex digits");
  reader.Text("route", &trace->route);
  reader.Time("start", &trace->start_ns);
  double duration_ms = 0;
  reader.Number("duration_ms", &duration_ms);
  trace->duration_ns = static_cast<int64_t>(duration_ms * 1e6);
  reader.Number("bytes", &trace->bytes);
  reader.Bool("ended", &trace->ended);
}

void Read(Reader& reader, CaptureRef* capture) {
  reader.Text("id", &capture->id);
  reader.Text("role", &capture->role);
  reader.Text("instance", &capture->instance);
  reader.Text("version", &capture->version);
  reader.Text("trigger", &capture->trigger);
  reader.Time("time", &capture->time_ns);
  reader.Text("file", &capture->file);
}

void Read(Reader& reader, HeapDumpRef* dump) {
  reader.Text("id", &dump->id);
  reader.Text("name", &dump->name);
  reader.Text("version", &dump->version);
  reader.Text("headline", &dump->headline);
  reader.Time("time", &dump->time_ns);
  reader.Bool("partial", &dump->partial);
}

void Read(Reader& reader, Evidence* evidence) {
  reader.Array("stacks", &evidence->stacks,
               [](Reader& r, StackEvidence* stack) { Read(r, stack); });
  reader.Array("routes", &evidence->routes,
               [](Reader& r, RouteEvidence* route) { Read(r, route); });
  reader.Array("traces", &evidence->traces,
               [](Reader& r, TraceEvidence* trace) { Read(r, trace); });
  reader.Array("captures", &evidence->captures,
               [](Reader& r, CaptureRef* capture) { Read(r, capture); });
  reader.Texts("retention", &evidence->retention);
  reader.Array("heap_dumps", &evidence->heap_dumps,
               [](Reader& r, HeapDumpRef* dump) { Read(r, dump); });
  reader.Object("deploy", [&](Reader& r) {
    evidence->deploy.emplace();
    r.Text("version", &evidence->deploy->version);
    r.Time("time", &evidence->deploy->time_ns);
  });
}

void Read(Reader& reader, Incident* incident) {
  std::string state;
  reader.Text("id", &incident->id);
  reader.Text("state", &state);
  if (state != "open" && state != "resolved") reader.Fail("state", "open or resolved");
  incident->state = state == "resolved" ? IncidentState::kResolved : IncidentState::kOpen;
  reader.Text("kind", &incident->kind);
  reader.Text("service", &incident->service);
  reader.Text("namespace", &incident->service_namespace);
  reader.Texts("versions", &incident->versions);
  reader.Texts("instances", &incident->instances);
  reader.Time("onset", &incident->onset_ns);
  reader.Time("detected", &incident->detected_ns);
  reader.Time("updated", &incident->updated_ns);
  reader.Time("resolved", &incident->resolved_ns);
  reader.Interval("growth_bytes_per_hour", &incident->growth_bytes_per_hour);
  reader.Interval("total_growth_bytes_per_hour", &incident->total_growth_bytes_per_hour);
  reader.Time("oom_eta", &incident->oom_eta_ns);
  reader.Number("monthly_cost_usd", &incident->monthly_cost_usd);
  reader.Number("confidence", &incident->confidence);
  reader.Text("summary", &incident->summary);
  reader.Object("evidence", [&](Reader& r) { Read(r, &incident->evidence); });
}

}  // namespace

std::string IncidentToJson(const Incident& incident) {
  return json::serialize(json::object{
      {"id", incident.id},
      {"state", incident.state == IncidentState::kOpen ? "open" : "resolved"},
      {"kind", incident.kind},
      {"service", incident.service},
      {"namespace", incident.service_namespace},
      {"versions", ToArray(incident.versions)},
      {"instances", ToArray(incident.instances)},
      {"onset", TimeValue(incident.onset_ns)},
      {"detected", TimeValue(incident.detected_ns)},
      {"updated", TimeValue(incident.updated_ns)},
      {"resolved", TimeValue(incident.resolved_ns)},
      {"growth_bytes_per_hour", ToJson(incident.growth_bytes_per_hour)},
      {"total_growth_bytes_per_hour", ToJson(incident.total_growth_bytes_per_hour)},
      {"oom_eta", TimeValue(incident.oom_eta_ns)},
      {"monthly_cost_usd", incident.monthly_cost_usd},
      {"confidence", incident.confidence},
      {"summary", incident.summary},
      {"evidence", ToJson(incident.evidence)},
  });
}

Result<Incident> IncidentFromJson(std::string_view text) {
  boost::system::error_code status;
  const json::value value = json::parse({text.data(), text.size()}, status);
  if (status) return InvalidArgument("incident: not JSON: " + status.message());
  if (!value.is_object()) return InvalidArgument("incident: expected an object");
  Incident incident;
  std::string error;
  Reader reader(value.get_object(), "", &error);
  Read(reader, &incident);
  if (!error.empty()) return InvalidArgument("incident: " + error);
  return incident;
}

}  // namespace tidemark
