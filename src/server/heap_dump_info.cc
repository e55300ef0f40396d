#include "server/heap_dump_info.h"

#include <boost/json.hpp>

#include "base/time.h"

namespace tidemark {
namespace {

namespace json = boost::json;

json::value Time(int64_t time_ns) {
  return time_ns == 0 ? json::value(nullptr) : json::value(FormatRfc3339(time_ns));
}

std::string TextOf(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
}
int64_t TimeOf(const json::object& object, std::string_view key) {
  return ParseTime(TextOf(object, key)).value_or(0);
}
uint64_t NumberOf(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr) return 0;
  boost::system::error_code status;
  const auto number = value->to_number<uint64_t>(status);
  return status ? 0 : number;
}

}  // namespace

std::string HeapDumpInfoJson(const HeapDumpInfo& info) {
  return json::serialize(
      json::object{{"id", info.id},
                   {"name", info.name},
                   {"service", info.service},
                   {"version", info.version},
                   {"incident_id", info.incident_id},
                   {"state", info.state},
                   {"error", info.error},
                   {"executable", info.executable},
                   {"received", Time(info.received_ns)},
                   {"finished", Time(info.finished_ns)},
                   {"bytes", info.bytes},
                   {"attempts", info.attempts},
                   {"format", info.format},
                   {"headline", info.headline},
                   {"damage", info.damage},
                   {"heap_objects", info.heap_objects},
                   {"heap_bytes", info.heap_bytes},
                   {"report_bytes", info.report_bytes},
                   {"holders", json::array(info.holders.begin(), info.holders.end())}});
}

Result<HeapDumpInfo> HeapDumpInfoFromJson(std::string_view text) {
  boost::system::error_code status;
  const json::value value = json::parse({text.data(), text.size()}, status);
  if (status || !value.is_object()) return InvalidArgument("heap dump: not a JSON object");
  const json::object& object = value.get_object();
  HeapDumpInfo info;
  info.id = TextOf(object, "id");
  info.name = TextOf(object, "name");
  info.service = TextOf(object, "service");
  info.version = TextOf(object, "version");
  info.incident_id = TextOf(object, "incident_id");
  info.state = TextOf(object, "state");
  info.error = TextOf(object, "error");
  info.executable = TextOf(object, "executable");
  info.received_ns = TimeOf(object, "received");
  info.finished_ns = TimeOf(object, "finished");
  info.bytes = NumberOf(object, "bytes");
  info.attempts = static_cast<uint32_t>(NumberOf(object, "attempts"));
  info.format = TextOf(object, "format");
  info.headline = TextOf(object, "headline");
  info.damage = TextOf(object, "damage");
  info.heap_objects = NumberOf(object, "heap_objects");
  info.heap_bytes = NumberOf(object, "heap_bytes");
  info.report_bytes = NumberOf(object, "report_bytes");
  if (const json::value* holders = object.if_contains("holders"); holders && holders->is_array()) {
    for (const json::value& holder : holders->get_array()) {
      if (holder.is_string()) info.holders.emplace_back(holder.get_string());
    }
  }
  if (info.id.empty()) return InvalidArgument("heap dump: key 'id' is missing");
  return info;
}

}  // namespace tidemark
