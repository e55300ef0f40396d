#include "scrape/pull.h"

#include "base/time.h"
#include "net/http_client.h"
#include "scrape/labels.h"

namespace tidemark {
namespace {

// No `escaping` parameter: names arrive underscore-escaped. OpenMetrics 2.0 is another format and
// not asked for.
constexpr char kAccept[] =
    "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1";
constexpr char kUserAgent[] = "tidemark";

Result<HttpReply> FetchOk(const HttpCall& call) {
  TIDEMARK_ASSIGN_OR_RETURN(HttpReply reply, Fetch(call));
  if (reply.status == 200) return reply;
  std::string detail = reply.body.substr(0, reply.body.find_first_of("\r\n")).substr(0, 200);
  return Unavailable("GET " + call.url + ": HTTP status " + std::to_string(reply.status) +
                     (detail.empty() ? "" : ": " + detail));
}

std::string Seconds(int64_t ns) {
  std::string text = std::to_string(static_cast<double>(ns) / 1e9);
  return text.substr(0, text.find_last_not_of('0') + 1);
}

}  // namespace

Result<PulledPage> PullMetrics(const ScrapeTarget& target, const std::string& version,
                               int64_t scrape_time_ns, const PullOptions& options) {
  HttpCall call;
  call.url = target.metrics_url;
  call.timeout_ns = target.timeout_ns;
  call.max_response_bytes = target.job->body_size_limit;
  call.cancelled = options.cancelled;
  call.headers = {{"Accept", kAccept},
                  {"User-Agent", kUserAgent},
                  {"X-Prometheus-Scrape-Timeout-Seconds", Seconds(target.timeout_ns)}};
  TIDEMARK_ASSIGN_OR_RETURN(HttpReply reply, FetchOk(call));

  TextOptions text;
  text.scrape_time_ns = scrape_time_ns;
  text.honor_timestamps = target.job->honor_timestamps;
  // With rules any name may become a wanted one, so the choice is made after them.
  if (options.keep_metric && target.job->metric_relabel_rules.empty()) {
    text.keep = [&](std::string_view metric) {
      return metric == "target_info" || options.keep_metric(metric);
    };
  }
  auto page =
      ParseMetricsPage(reply.body, TextFormatOf(HeaderOr(reply.headers, "Content-Type")), text);
  if (!page) return Error{page.error().code, target.metrics_url + ": " + page.error().message};
  PulledPage pulled;
  pulled.version = VersionOf(*page);
  pulled.samples = page->samples;
  const std::string& known = pulled.version.empty() ? version : pulled.version;
  TIDEMARK_ASSIGN_OR_RETURN(pulled.page, LabelPage(target, known, std::move(*page)));
  return pulled;
}

Result<std::string> PullProfile(const std::string& url, int64_t timeout_ns,
                                const std::atomic<bool>* cancelled) {
  HttpCall call;
  call.url = url;
  call.timeout_ns = timeout_ns;
  call.max_response_bytes = kMaxProfileBytes;
  call.cancelled = cancelled;
  call.headers = {{"User-Agent", kUserAgent}};
  TIDEMARK_ASSIGN_OR_RETURN(HttpReply reply, FetchOk(call));
  if (reply.body.empty()) return InvalidArgument("GET " + url + ": an empty reply is no profile");
  return std::move(reply.body);
}

}  // namespace tidemark
