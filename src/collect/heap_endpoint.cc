#include "collect/heap_endpoint.h"

#include <algorithm>
#include <charconv>

#include "base/time.h"
#include "codec/pprof.h"
#include "collect/profile_delta.h"

namespace tidemark {
namespace {

HttpResponse Text(int status, std::string body) {
  HttpResponse response;
  response.status = status;
  response.headers = {{"X-Content-Type-Options", "nosniff"}};
  response.body = std::move(body) + "\n";
  return response;
}

HttpResponse Pprof(Profile profile, bool allocs, bool delta) {
  if (allocs) profile.default_sample_type = "alloc_space";
  HttpResponse response;
  response.content_type = "application/octet-stream";
  const std::string name = std::string(allocs ? "allocs" : "heap") + (delta ? "-delta" : "");
  response.headers = {{"Content-Disposition", "attachment; filename=\"" + name + "\""},
                      {"X-Content-Type-Options", "nosniff"}};
  response.body = EncodePprof(profile);
  return response;
}

// A whole non-negative number; `fallback` when the parameter is absent, -1 when it is no number.
int64_t Number(const HttpRequest& request, const std::string& name, int64_t fallback) {
  const std::string text = QueryOr(request, name);
  if (text.empty()) return fallback;
  int64_t value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? std::max<int64_t>(value, -1)
                                                                  : -1;
}

int StatusOf(const Error& error) {
  switch (error.code) {
    case ErrorCode::kNotFound:
      return 404;
    case ErrorCode::kInvalidArgument:
      return 400;
    default:
      return 503;
  }
}

}  // namespace

Result<std::unique_ptr<HeapEndpoint>> HeapEndpoint::Start(uint16_t port,
                                                          LedgerCollector* collector) {
  std::unique_ptr<HeapEndpoint> endpoint(new HeapEndpoint(collector));
  HttpServerOptions options;
  options.port = port;
  options.threads = 1;
  options.max_body_bytes = 4096;
  options.max_connections = 64;
  options.answer_timeout_ns = (kMaxSeconds + 30) * kNsPerSecond;
  HeapEndpoint* self = endpoint.get();
  TIDEMARK_ASSIGN_OR_RETURN(
      endpoint->server_,
      HttpServer::Start(options, [self](HttpRequest request, HttpResponder respond) {
        self->Handle(request, respond);
      }));
  return endpoint;
}

HeapEndpoint::~HeapEndpoint() { server_.reset(); }

void HeapEndpoint::SetMain(uint64_t pid) {
  const std::lock_guard lock(mutex_);
  main_pid_ = pid;
}

void HeapEndpoint::Handle(const HttpRequest& request, const HttpResponder& respond) {
  if (request.method != "GET" && request.method != "HEAD") {
    respond(Text(405, request.method + " is not allowed here: use GET"));
  } else if (request.path == "/debug/pprof/heap" || request.path == "/debug/pprof/allocs") {
    HandleProfile(request, request.path == "/debug/pprof/allocs", respond);
  } else if (request.path == "/debug/pprof" || request.path == "/debug/pprof/") {
    respond(Index());
  } else {
    respond(Text(404, "nothing at " + request.path + "; see /debug/pprof/"));
  }
}

HttpResponse HeapEndpoint::Index() {
  std::string body =
      "heap    /debug/pprof/heap\nallocs  /debug/pprof/allocs\n\nprocesses (?pid=N):";
  for (const uint64_t pid : collector_->Pids()) body += "\n" + std::to_string(pid);
  return Text(200, body);
}

void HeapEndpoint::HandleProfile(const HttpRequest& request, bool allocs,
                                 const HttpResponder& respond) {
  uint64_t main_pid = 0;
  {
    const std::lock_guard lock(mutex_);
    main_pid = main_pid_;
  }
  const int64_t pid = Number(request, "pid", static_cast<int64_t>(main_pid));
  const int64_t seconds = Number(request, "seconds", 0);
  if (pid < 0 || seconds < 0 || seconds > kMaxSeconds) {
    return respond(
        Text(400, "pid must be a number, seconds one from 0 to " + std::to_string(kMaxSeconds)));
  }
  auto reading = collector_->Read(static_cast<uint64_t>(pid), "pull",
                                  seconds == 0 ? Ages::kWith : Ages::kWithout);
  if (!reading) return respond(Text(StatusOf(reading.error()), reading.error().message));
  if (seconds == 0) return respond(Pprof(std::move(reading->batch.profile), allocs, false));
  const std::lock_guard lock(mutex_);
  if (pending_.size() >= kMaxPending) {
    return respond(Text(503, "too many delta profiles under way (" + std::to_string(kMaxPending) +
                                 "); try again later"));
  }
  pending_.push_back({SteadyClockNs() + seconds * kNsPerSecond, static_cast<uint64_t>(pid), allocs,
                      std::move(reading->batch.profile), respond});
}

void HeapEndpoint::AnswerDue(int64_t steady_now_ns, bool all) {
  std::vector<Pending> due;
  {
    const std::lock_guard lock(mutex_);
    const auto later = std::stable_partition(
        pending_.begin(), pending_.end(),
        [&](const Pending& pending) { return !all && pending.due_ns > steady_now_ns; });
    due.assign(std::make_move_iterator(later), std::make_move_iterator(pending_.end()));
    pending_.erase(later, pending_.end());
  }
  for (Pending& pending : due) {
    auto reading = collector_->Read(pending.pid, "pull, delta", Ages::kWithout);
    if (!reading) {
      pending.respond(Text(StatusOf(reading.error()), reading.error().message));
      continue;
    }
    pending.respond(
        Pprof(ProfileDelta(reading->batch.profile, pending.base), pending.allocs, true));
  }
}

}  // namespace tidemark
