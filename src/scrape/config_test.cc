#include "scrape/config.h"

#include <gtest/gtest.h>

namespace tidemark {
namespace {

TEST(ScrapeConfigTest, ReadsAPrometheusFileWithOurKeysBesides) {
  auto config = ParseScrapeConfig(R"(
storage: {directory: /var/lib/x}   # another part's
global:
  scrape_interval: 15s
  external_labels: {dc: a}
scrape_configs:
  - job_name: shop/checkout
    scrape_timeout: 5s
    metrics_path: /internal/metrics
    honor_labels: true
    honor_timestamps: false
    sample_limit: 1000
    body_size_limit: 10MB
    params:
      match[]: ['{job="a"}', up]
      x: [1]
    static_configs:
      - targets: ['10.0.0.1:80', '10.0.0.2:80']
        labels: {env: prod, zone: "1"}
    file_sd_configs:
      - files: [targets/*.yml, /etc/t.json]
        refresh_interval: 30s
    relabel_configs:
      - source_labels: [__address__]
        regex: (.*):80
        target_label: host
      - {action: labeldrop, regex: zone}
    metric_relabel_configs:
      - {action: keep, source_labels: [__name__], regex: go_.*}
    profiling_config:
      scrape_interval: 30s
      pprof_config:
        memory: {enabled: true, path: "/debug/pprof/heap?gc=1"}
        process_cpu: {enabled: false}
      heap_dump: {path: "/debug/heapdump?gc=1", executable: ../bin/checkout}
  - job_name: fast
    scrape_interval: 2s
)",
                                  "/etc/tidemark/tidemark.yml");
  ASSERT_TRUE(config) << config.error().message;
  ASSERT_EQ(config->jobs.size(), 2u);
  const ScrapeJob& job = config->jobs[0];
  EXPECT_EQ(job.name, "shop/checkout");
  EXPECT_EQ(job.interval_ns, 15'000'000'000);
  EXPECT_EQ(job.timeout_ns, 5'000'000'000);
  EXPECT_EQ(job.metrics_path, "/internal/metrics");
  EXPECT_TRUE(job.honor_labels);
  EXPECT_FALSE(job.honor_timestamps);
  EXPECT_EQ(job.sample_limit, 1000u);
  EXPECT_EQ(job.body_size_limit, 10u << 20);
  EXPECT_EQ(job.params,
            (QueryParameters{{"match[]", "{job=\"a\"}"}, {"match[]", "up"}, {"x", "1"}}));
  ASSERT_EQ(job.static_targets.size(), 1u);
  EXPECT_EQ(job.static_targets[0].targets,
            (std::vector<std::string>{"10.0.0.1:80", "10.0.0.2:80"}));
  EXPECT_EQ(job.static_targets[0].labels, (Attributes{{"env", "prod"}, {"zone", "1"}}));
  ASSERT_EQ(job.file_targets.size(), 1u);
  EXPECT_EQ(job.file_targets[0].files,
            (std::vector<std::string>{"/etc/tidemark/targets/*.yml", "/etc/t.json"}));
  EXPECT_EQ(job.file_targets[0].refresh_interval_ns, 30'000'000'000);
  EXPECT_EQ(job.relabel_rules.size(), 2u);
  EXPECT_EQ(job.metric_relabel_rules.size(), 1u);
  EXPECT_TRUE(job.heap.enabled);
  EXPECT_EQ(job.heap.path, "/debug/pprof/heap?gc=1");
  EXPECT_EQ(job.heap.interval_ns, 30'000'000'000);
  EXPECT_TRUE(job.heap_dump.enabled);
  EXPECT_EQ(job.heap_dump.path, "/debug/heapdump?gc=1");
  EXPECT_EQ(job.heap_dump.executable, "/etc/bin/checkout");

  const ScrapeJob& fast = config->jobs[1];
  EXPECT_EQ(fast.interval_ns, 2'000'000'000);
  EXPECT_EQ(fast.timeout_ns, 2'000'000'000)
      << "the default timeout gives way to a shorter interval";
  EXPECT_FALSE(fast.heap.enabled);
  EXPECT_FALSE(fast.heap_dump.enabled);
}

TEST(ScrapeConfigTest, HeapDumpsAloneArePulledOnlyWhenThereIsAnIncident) {
  const auto config = ParseScrapeConfig(R"(
scrape_configs:
  - job_name: jvm
    profiling_config: {path_prefix: /actuator, heap_dump: {path: /heapdump}}
  - job_name: both
    profiling_config: {heap_dump: {}, pprof_config: {}}
  - job_name: neither
    profiling_config: {heap_dump: {enabled: false}}
)",
                                        "f.yml");
  ASSERT_TRUE(config) << config.error().message;
  const auto& [jvm, both, neither] = std::tie(config->jobs[0], config->jobs[1], config->jobs[2]);
  EXPECT_TRUE(jvm.heap_dump.enabled);
  EXPECT_EQ(jvm.heap_dump.path, "/actuator/heapdump");
  EXPECT_FALSE(jvm.heap.enabled);
  EXPECT_TRUE(both.heap_dump.enabled);
  EXPECT_EQ(both.heap_dump.path, "/debug/heapdump");
  EXPECT_TRUE(both.heap.enabled);
  EXPECT_FALSE(neither.heap_dump.enabled);
  EXPECT_FALSE(neither.heap.enabled);
}

TEST(ScrapeConfigTest, AFileWithoutScrapeConfigsScrapesNothing) {
  for (const char* text : {"", "listen: 1", "scrape_configs:", "scrape_configs: []", "global:"}) {
    auto config = ParseScrapeConfig(text, "f.yml");
    ASSERT_TRUE(config) << text << config.error().message;
    EXPECT_TRUE(config->jobs.empty());
  }
}

TEST(ScrapeConfigTest, ErrorsNameFileLineAndKey) {
  const std::string job = "scrape_configs:\n- job_name: a\n";
  const std::pair<std::string, std::string> cases[] = {
      {job + "  scrape_intervall: 1s\n", "f.yml:3: unknown key scrape_configs[0].scrape_intervall"},
      {job + "  kubernetes_sd_configs: [{role: pod}]\n",
       "f.yml:3: scrape_configs[0].kubernetes_sd_configs is not supported yet; remove it"},
      {job + "  basic_auth: {username: u}\n",
       "f.yml:3: scrape_configs[0].basic_auth is not supported yet; remove it"},
      {job + "  scheme: https\n", "f.yml:3: scrape_configs[0].scheme https is not supported yet"},
      {job + "  scrape_interval: fast\n",
       "f.yml:3: scrape_configs[0].scrape_interval duration 'fast'"},
      {job + "  scrape_interval: 0s\n",
       "f.yml:3: scrape_configs[0].scrape_interval wants a duration above 0"},
      {job + "  scrape_interval: 1s\n  scrape_timeout: 2s\n",
       "f.yml:4: scrape_configs[0].scrape_timeout is longer"},
      {job + "  honor_labels: yes\n",
       "f.yml:3: scrape_configs[0].honor_labels wants true or false, got 'yes'"},
      {job + "  sample_limit: -1\n",
       "f.yml:3: scrape_configs[0].sample_limit wants a whole number"},
      {job + "  body_size_limit: 1XB\n", "f.yml:3: scrape_configs[0].body_size_limit wants a size"},
      {job + "  static_configs:\n  - target: [a]\n",
       "f.yml:4: unknown key scrape_configs[0].static_configs[0].target"},
      {job + "  static_configs:\n  - labels: {a-b: c}\n", "'a-b' is not a label name"},
      {job + "  file_sd_configs:\n  - files: [a.txt]\n", "'a.txt' ends in none of"},
      {job + "  relabel_configs:\n  - {action: explode}\n",
       "f.yml:4: scrape_configs[0].relabel_configs[0]: unknown"},
      {job + "  relabel_configs:\n  - {regex: '(', target_label: a}\n", "regex '('"},
      {job + "  profiling_config:\n    pprof_config:\n      block: {enabled: true}\n",
       "block is not supported yet"},
      {job + "  scrape_metrics: false\n", "scrape_metrics is false"},
      {job + "  scrape_metrics: false\n  profiling_config: {heap_dump: {}}\n",
       "scrape_metrics is false"},
      {job + "  profiling_config: {heap_dump: {path: heapdump}}\n",
       "f.yml:3: scrape_configs[0].profiling_config.heap_dump.path does not begin with '/'"},
      {job + "- job_name: a\n", "f.yml:3: two jobs are named 'a'"},
      {"scrape_configs:\n- {}\n", "f.yml:2: scrape_configs[0].job_name is missing"},
      {"scrape_configs: 5\n", "f.yml:1: scrape_configs wants a list"},
      {"scrape_configs: [5]\n", "f.yml:1: scrape_configs[0] wants a mapping"},
      {"global: {scrape_interval: [1]}\n", "f.yml:1: global.scrape_interval wants a single value"},
      {"a: [\n", "f.yml:2: "},
      {job + "  job_name: b\n", "f.yml:3: scrape_configs[0].job_name is given twice"},
      {std::string(5 << 20, ' '), "f.yml: 5242880 bytes"},
      {"5", "wants a mapping"},
  };
  for (const auto& [text, message] : cases) {
    auto config = ParseScrapeConfig(text, "f.yml");
    ASSERT_FALSE(config) << text.substr(0, 200);
    EXPECT_NE(config.error().message.find(message), std::string::npos)
        << config.error().message << "\n wanted: " << message;
  }
}

}  // namespace
}  // namespace tidemark
