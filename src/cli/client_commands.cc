#include "cli/client_commands.h"

#include <boost/json.hpp>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <thread>

#include "base/text.h"
#include "base/time.h"
#include "codec/incident_json.h"
#include "diagnose/summary.h"
#include "net/http_client.h"

namespace tidemark {
namespace {

namespace json = boost::json;

constexpr int64_t kCaptureWaitNs = 30 * kNsPerSecond;
constexpr auto kPollInterval = std::chrono::milliseconds(200);

std::string Escape(const std::string& text) {
  std::string out;
  for (const unsigned char c : text) {
    if (std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_' || c == '~') {
      out.push_back(static_cast<char>(c));
    } else {
      char hex[4];
      std::snprintf(hex, sizeof hex, "%%%02X", c);
      out += hex;
    }
  }
  return out;
}

// The body of a good answer; the server's own words otherwise.
Result<std::string> Call(const ClientOptions& options, const std::string& method,
                         const std::string& path, const std::string& body = "") {
  auto reply = Fetch({.method = method, .url = options.api + path, .body = body});
  if (!reply) {
    return Unavailable("no answer from " + options.api + " (" + reply.error().message +
                       "); is `tidemark serve` running? --api names another server");
  }
  if (reply->status < 300) return std::move(reply->body);
  boost::system::error_code status;
  const json::value value = json::parse(reply->body, status);
  if (!status) {
    const json::value* message = value.find_pointer("/error/message", status);
    if (message != nullptr && message->is_string())
      return NotFound(std::string(message->get_string()));
  }
  return Internal("HTTP " + std::to_string(reply->status) + " from " + options.api + path);
}

Result<std::vector<Incident>> ReadIncidents(const std::string& body) {
  boost::system::error_code status;
  const json::value value = json::parse(body, status);
  const json::value* list =
      status || !value.is_object() ? nullptr : value.get_object().if_contains("incidents");
  if (list == nullptr || !list->is_array())
    return Internal("the server's answer is not a list of incidents");
  std::vector<Incident> incidents;
  for (const json::value& item : list->get_array()) {
    TIDEMARK_ASSIGN_OR_RETURN(Incident incident, IncidentFromJson(json::serialize(item)));
    incidents.push_back(std::move(incident));
  }
  return incidents;
}

int ShowOne(const IncidentsOptions& options) {
  const auto body = Call(options, "GET", "/api/v1/incidents/" + Escape(options.id));
  if (!body) return Fail(body.error());
  const auto incident = IncidentFromJson(*body);
  if (!incident) return Fail(incident.error());
  std::printf("%s", options.format == OutputFormat::kJson ? (*body + "\n").c_str()
                                                          : DescribeForTerminal(*incident).c_str());
  return options.check && incident->state == IncidentState::kOpen ? kExitFinding : kExitFine;
}

void PrintList(const std::vector<Incident>& incidents) {
  if (incidents.empty()) {
    std::printf("no incidents\n");
    return;
  }
  TextTable table("lllrrl");
  table.Row({"id", "state", "service", "growth/h", "confidence", "cause"});
  for (const Incident& incident : incidents) {
    char confidence[16];
    std::snprintf(confidence, sizeof confidence, "%.0f%%", incident.confidence * 100);
    const auto& stacks = incident.evidence.stacks;
    table.Row({incident.id, incident.state == IncidentState::kOpen ? "open" : "resolved",
               incident.service + (incident.versions.empty() ? "" : " " + incident.versions[0]),
               FormatBytes(incident.growth_bytes_per_hour.value), confidence,
               stacks.empty() ? "-"
                              : stacks[0].cause + " " +
                                    PlaceOf({"", stacks[0].cause_file, stacks[0].cause_line, ""})});
  }
  std::printf("%s", table.Text().c_str());
}

}  // namespace

int RunIncidents(const IncidentsOptions& options) {
  if (!options.id.empty()) return ShowOne(options);
  std::string path = "/api/v1/incidents?state=" + Escape(options.state);
  if (!options.service.empty()) path += "&service=" + Escape(options.service);
  const auto body = Call(options, "GET", path);
  if (!body) return Fail(body.error());
  const auto incidents = ReadIncidents(*body);
  if (!incidents) return Fail(incidents.error());
  if (options.format == OutputFormat::kJson) {
    std::printf("%s\n", body->c_str());
  } else {
    PrintList(*incidents);
  }
  bool open = false;
  for (const Incident& incident : *incidents) open |= incident.state == IncidentState::kOpen;
  return options.check && open ? kExitFinding : kExitFine;
}

namespace {

// One row of the answer's "routes".
void AddSurvivors(const json::value& row, TextTable* table, bool* suspect) {
  const bool is_suspect = row.at("suspect").as_bool();
  *suspect |= is_suspect;
  const auto text = [&row](const char* key) { return std::string(row.at(key).as_string()); };
  const auto bytes = [](const json::value& value) {
    return FormatBytes(value.to_number<double>());
  };
  const auto& traces = row.at("traces").as_array();
  const std::string version = text("version");
  table->Row({text("service") + (version.empty() ? "" : " " + version), text("route"),
              bytes(row.at("bytes")), std::to_string(row.at("objects").to_number<int64_t>()),
              bytes(row.at("growth_bytes_per_hour").at("value")),
              row.at("oldest_end").is_null() ? "-" : text("oldest_end"),
              traces.empty() ? "-" : std::string(traces[0].at("trace_id").as_string()),
              is_suspect ? "suspect" : ""});
}

}  // namespace

int RunSurvivors(const SurvivorsOptions& options) {
  std::string path = "/api/v1/survivors";
  if (!options.service.empty()) path += "?service=" + Escape(options.service);
  const auto body = Call(options, "GET", path);
  if (!body) return Fail(body.error());
  bool suspect = false;
  TextTable table("llrrrlll");
  table.Row(
      {"service", "route", "survivors", "objects", "growth/h", "oldest end", "heaviest trace", ""});
  boost::system::error_code status;
  const json::value value = json::parse(*body, status);
  const json::value* rows =
      status || !value.is_object() ? nullptr : value.get_object().if_contains("routes");
  if (rows == nullptr || !rows->is_array())
    return Fail(Internal("the server's answer is not a list of survivors"));
  for (const json::value& row : rows->get_array()) AddSurvivors(row, &table, &suspect);
  if (options.format == OutputFormat::kJson) {
    std::printf("%s\n", body->c_str());
  } else if (rows->get_array().empty()) {
    std::printf("no survivors: nothing of a span that ended over a minute ago is alive\n");
  } else {
    std::printf("%s", table.Text().c_str());
  }
  return options.check && suspect ? kExitFinding : kExitFine;
}

int RunCapture(const CaptureOptions& options) {
  const size_t slash = options.selector.find('/');
  json::object request{{"service", options.selector.substr(0, slash)}};
  if (slash != std::string::npos) request["instance"] = options.selector.substr(slash + 1);
  const auto body = Call(options, "POST", "/api/v1/captures", json::serialize(request));
  if (!body) return Fail(body.error());
  boost::system::error_code status;
  const json::value answer = json::parse(*body, status);
  const json::value* id_value =
      status || !answer.is_object() ? nullptr : answer.get_object().if_contains("id");
  if (id_value == nullptr || !id_value->is_string())
    return Fail(Internal("the server's answer names no capture"));
  const std::string id(id_value->get_string());

  // The server pulls the profile in the background; it is there within its own timeout.
  const std::string path = "/api/v1/captures/" + Escape(id);
  const int64_t deadline = SteadyClockNs() + kCaptureWaitNs;
  auto capture = Call(options, "GET", path);
  while (!capture && SteadyClockNs() < deadline) {
    std::this_thread::sleep_for(kPollInterval);
    capture = Call(options, "GET", path);
  }
  if (!capture) return Fail(capture.error());
  if (!options.out.empty()) {
    const auto profile = Call(options, "GET", path + "/profile");
    if (!profile) return Fail(profile.error());
    std::ofstream file(options.out, std::ios::binary);
    file << *profile;
    if (!file.flush()) return Fail(IoError("cannot write '" + options.out + "'"));
  }
  std::printf("%s\n", options.format == OutputFormat::kJson ? capture->c_str() : id.c_str());
  return kExitFine;
}

int RunCompare(const CompareOptions& options) {
  const auto body = Call(options, "GET",
                         "/api/v1/compare?service=" + Escape(options.service) + "&before=" +
                             Escape(options.before) + "&after=" + Escape(options.after));
  if (!body) return Fail(body.error());
  if (options.format == OutputFormat::kJson) {
    std::printf("%s\n", body->c_str());
    return kExitFine;
  }
  boost::system::error_code status;
  const json::value value = json::parse(*body, status);
  const json::value* rows =
      status || !value.is_object() ? nullptr : value.get_object().if_contains("rows");
  if (rows == nullptr || !rows->is_array())
    return Fail(Internal("the server's answer is not a comparison"));
  TextTable table("lrrr");
  table.Row({options.service, options.before, options.after, "delta"});
  for (const json::value& row : rows->get_array()) {
    const std::string unit(row.at("unit").as_string());
    const auto cell = [&](const char* key) {
      const double number = row.at(key).to_number<double>();
      if (unit.starts_with("By")) return FormatBytes(number);
      char text[48];
      std::snprintf(text, sizeof text, "%.4g%s", number,
                    unit == "ms"  ? " ms"
                    : unit == "%" ? " %"
                                  : "");
      return std::string(text);
    };
    std::string delta = cell("delta");
    if (row.at("delta_percent").is_number()) {
      char percent[32];
      std::snprintf(percent, sizeof percent, " (%+.1f %%)",
                    row.at("delta_percent").to_number<double>());
      delta += percent;
    }
    table.Row({std::string(row.at("name").as_string()), cell("before"), cell("after"), delta});
  }
  std::printf("%s", table.Text().c_str());
  return kExitFine;
}

}  // namespace tidemark
