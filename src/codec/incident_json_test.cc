#include "codec/incident_json.h"

#include <gtest/gtest.h>

namespace tidemark {
namespace {

Incident Full() {
  Incident incident;
  incident.id = "00000000000000ab";
  incident.kind = "survivors";
  incident.service = "shop";
  incident.versions = {"1.0.0"};
  incident.instances = {"pod-1", "pod-2"};
  incident.onset_ns = 1767225600'000'000'000;
  incident.detected_ns = incident.updated_ns = incident.onset_ns + 40'000'000'000;
  incident.growth_bytes_per_hour = {3.5e9, 3.1e9, 3.9e9};
  incident.confidence = 0.9;
  incident.summary = "it \"grows\"";
  incident.evidence.stacks = {{.stack_id = "1",
                               .frames = {{"Keep", "a.cc", 12, "/bin/s"}},
                               .cause = "Keep",
                               .growth_bytes_per_hour = {1, 2, 3},
                               .inuse_bytes = 1LL << 60}};
  incident.evidence.routes = {{.route = "/checkout", .growth_share = 1, .method = "span"}};
  incident.evidence.traces = {
      {.trace_id = {1, 2}, .span_id = SpanId{3}, .duration_ns = 5'000'000, .ended = true}};
  incident.evidence.captures = {{.id = "c", .role = "worst", .time_ns = incident.onset_ns}};
  incident.evidence.deploy = DeployEvidence{"1.0.0", incident.onset_ns};
  return incident;
}

TEST(IncidentJsonTest, RoundTripKeepsEverything) {
  const std::string text = IncidentToJson(Full());
  const auto back = IncidentFromJson(text);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(IncidentToJson(*back), text);
  EXPECT_EQ(back->evidence.stacks[0].inuse_bytes, 1LL << 60);
  EXPECT_NE(text.find("\"onset\":\"2026-01-01T00:00:00.000Z\""), std::string::npos) << text;
  EXPECT_NE(text.find("\"oom_eta\":null"), std::string::npos);
}

TEST(IncidentJsonTest, AWrongValueNamesItsKey) {
  for (const auto& [text, key] : std::vector<std::pair<std::string, std::string>>{
           {"{\"state\":\"open\",\"confidence\":\"x\"}", "confidence"},
           {"{\"state\":\"broken\"}", "state"},
           {"{\"state\":\"open\",\"evidence\":{\"traces\":[{\"trace_id\":\"1\"}]}}",
            "evidence.traces[].trace_id"},
           {"[]", "object"},
           {"{", "JSON"}}) {
    const auto result = IncidentFromJson(text);
    ASSERT_FALSE(result) << text;
    EXPECT_NE(result.error().message.find(key), std::string::npos) << result.error().message;
  }
}

}  // namespace
}  // namespace tidemark
