#include "query/api.h"

#include <gtest/gtest.h>

#include <filesystem>

namespace tidemark {
namespace {

// A server with one open incident and nothing else alive.
class OneIncident : public LiveView {
 public:
  Result<std::vector<Incident>> Incidents() override { return std::vector{*FindIncident("ab")}; }
  Result<Incident> FindIncident(const std::string& id) override {
    if (id != "ab") return NotFound("no incident '" + id + "'");
    Incident incident;
    incident.id = "ab";
    incident.service = "shop";
    incident.versions = {"1.0.0"};
    return incident;
  }
  Result<std::vector<RouteStats>> Routes(const std::string& service) override {
    if (service == "busy") return Overloaded("the server is busy");
    return std::vector{RouteStats{.version = "1.0.0",
                                  .instance = "a",
                                  .route = "/checkout",
                                  .ended = 7,
                                  .errors = 1,
                                  .p99_ms = 12}};
  }
  Result<std::vector<RouteSurvivors>> Survivors(const std::string& service) override {
    if (!service.empty() && service != "shop") return std::vector<RouteSurvivors>();
    RouteSurvivors row;
    row.service = "shop";
    row.route = "/checkout";
    row.bytes = 5 << 20;
    row.suspect = true;
    row.suspect_since_ns = 1767225600'000'000'000;
    row.instances = {"a"};
    row.traces = {{.trace_id = {1, 2}, .span_id = SpanId{3}, .bytes = 7}};
    return std::vector{row};
  }
  Result<std::vector<KeyedGrowth>> GrowthRows(const std::string&, const std::string&) override {
    return std::vector{KeyedGrowth{"/checkout", 1e9, 5}};
  }
  Result<std::string> RequestCapture(const std::string& service, const std::string&) override {
    if (service != "shop") return NotFound("no target of service '" + service + "'");
    return std::string("cafe");
  }
  Result<std::string> ReadCapture(const std::string&) override { return std::string("bytes"); }
  Result<std::string> Metrics() override { return std::string("up 1\n"); }
  bool Ready() override { return true; }
};

class ApiTest : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = testing::TempDir() + "api_test";
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
    auto store = Store::Open({.directory = directory_});
    ASSERT_TRUE(store) << store.error().message;
    store_ = std::move(*store);
    handler_ = MakeApiHandler(store_.get(), &live_, [](HttpRequest, const HttpResponder& respond) {
      respond({.status = 200, .body = "page"});
    });
  }

  HttpResponse Call(const std::string& method, const std::string& path,
                    std::vector<std::pair<std::string, std::string>> query = {},
                    std::string body = "") {
    HttpResponse answer;
    handler_({.method = method, .path = path, .query = std::move(query), .body = std::move(body)},
             [&](HttpResponse response) { answer = std::move(response); });
    return answer;
  }

  std::string directory_;
  OneIncident live_;
  std::unique_ptr<Store> store_;
  HttpHandler handler_;
};

TEST_F(ApiTest, IncidentsAreListedFilteredAndShown) {
  EXPECT_NE(Call("GET", "/api/v1/incidents").body.find("\"id\":\"ab\""), std::string::npos);
  EXPECT_EQ(Call("GET", "/api/v1/incidents", {{"state", "resolved"}}).body, "{\"incidents\":[]}");
  EXPECT_EQ(Call("GET", "/api/v1/incidents", {{"service", "other"}}).body, "{\"incidents\":[]}");
  EXPECT_EQ(Call("GET", "/api/v1/incidents/ab").status, 200);
  EXPECT_EQ(Call("GET", "/api/v1/incidents/cd").status, 404);
}

TEST_F(ApiTest, SeriesAreAveragedByVersionAndKeptByInstance) {
  std::vector<MetricBatch> batches;
  for (const auto& [instance, value] : {std::pair("a", 10.0), std::pair("b", 30.0)}) {
    MetricBatch batch{{{"shop", "", "1.0.0", instance}, {}}, {}};
    batch.points.push_back(
        {.metric = "heap", .unit = "By", .time_ns = 1767225600'000'000'000, .value = value});
    batches.push_back(batch);
  }
  ASSERT_TRUE(store_->AppendAndWait({.metrics = batches}));
  const std::string by_version =
      Call("GET", "/api/v1/series", {{"service", "shop"}, {"metric", "heap"}, {"by", "version"}})
          .body;
  EXPECT_NE(by_version.find("[[1767225600000,2E1]]"), std::string::npos) << by_version;
  const std::string by_instance =
      Call("GET", "/api/v1/series", {{"service", "shop"}, {"metric", "heap"}}).body;
  EXPECT_NE(by_instance.find("[[1767225600000,1E1]]"), std::string::npos) << by_instance;
  EXPECT_NE(by_instance.find("[[1767225600000,3E1]]"), std::string::npos) << by_instance;
  EXPECT_NE(Call("GET", "/api/v1/targets").body.find("\"instance\":\"b\""), std::string::npos);
}

TEST_F(ApiTest, AProfileAndItsGrowthComeAsTreeTextAndPprof) {
  Profile profile;
  profile.sample_types = {{"inuse_space", "bytes"}};
  profile.functions = {{.name = "keep"}};
  profile.locations = {{.lines = {{0, 1}}}};
  profile.samples = {{.locations = {0}, .values = {100}}};
  profile.time_ns = 1767225600'000'000'000;
  Profile later = profile;
  later.samples[0].values[0] = 300;
  later.time_ns += 3600'000'000'000;
  const Resource resource{{"shop", "", "1.0.0", "a"}, {}};
  ASSERT_TRUE(store_->AppendAndWait({.profiles = {{resource, profile}, {resource, later}}}));
  const std::vector<std::pair<std::string, std::string>> diff = {
      {"service", "shop"},
      {"from", "2026-01-01T00:30:00Z"},
      {"to", "2026-01-01T02:00:00Z"},
      {"base_from", "2025-12-31T23:30:00Z"},
      {"base_to", "2026-01-01T00:30:00Z"}};
  const std::string tree = Call("GET", "/api/v1/profile/diff", diff).body;
  EXPECT_NE(tree.find("\"delta\":200"), std::string::npos) << tree;
  auto folded = diff;
  folded.emplace_back("format", "folded");
  EXPECT_EQ(Call("GET", "/api/v1/profile/diff", folded).body, "keep 200\n");
  EXPECT_TRUE(Call("GET", "/api/v1/profile", {{"service", "shop"}, {"format", "pprof"}})
                  .body.starts_with("\x1f\x8b"));
  EXPECT_EQ(Call("GET", "/api/v1/profile", {{"service", "none"}}).status, 404);
}

TEST_F(ApiTest, SurvivorsComeByRouteWithTheirTraces) {
  const std::string body = Call("GET", "/api/v1/survivors", {{"service", "shop"}}).body;
  for (const char* part :
       {R"("route":"/checkout")", R"("bytes":5242880)", R"("suspect":true)", R"("instances":["a"])",
        R"("suspect_since":"2026-01-01T00:00:00.000Z")", R"("oldest_end":null)",
        R"("trace_id":"00000000000000010000000000000002")"}) {
    EXPECT_NE(body.find(part), std::string::npos) << part << " in " << body;
  }
  EXPECT_EQ(Call("GET", "/api/v1/survivors", {{"service", "other"}}).body, R"({"routes":[]})");
  EXPECT_EQ(Call("GET", "/api/v1/survivors", {{"route", "/x"}}).status, 400);
}

TEST_F(ApiTest, MistakesAreNamedAndNothingIsGuessed) {
  EXPECT_EQ(Call("GET", "/api/v1/series").status, 400);
  EXPECT_EQ(Call("GET", "/api/v1/series", {{"metric", "heap"}, {"form", "x"}}).status, 400);
  EXPECT_EQ(Call("GET", "/api/v1/profile", {{"type", "inuse"}}).status, 400);
  EXPECT_EQ(Call("GET", "/api/v1/nothing").status, 404);
  EXPECT_EQ(Call("DELETE", "/api/v1/incidents").status, 405);
  EXPECT_EQ(Call("POST", "/api/v1/captures", {}, "{").status, 400);
  EXPECT_EQ(Call("POST", "/api/v1/captures", {}, "{\"service\":\"nobody\"}").status, 404);
  EXPECT_EQ(Call("POST", "/api/v1/captures", {}, "{\"service\":\"shop\"}").status, 202);
  EXPECT_NE(Call("GET", "/api/v1/nothing").body.find("\"error\""), std::string::npos);
}

TEST_F(ApiTest, HealthAndPageAreAnswered) {
  EXPECT_EQ(Call("GET", "/healthz").body, "ok\n");
  EXPECT_EQ(Call("GET", "/readyz").status, 200);
  EXPECT_EQ(Call("GET", "/metrics").body, "up 1\n");
  EXPECT_EQ(Call("GET", "/").body, "page");
}

}  // namespace
}  // namespace tidemark
