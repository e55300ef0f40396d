// /debug/pprof/heap of processes that know nothing of it: read from their ledgers, in the form that
// `go tool pprof` and our own scraper pull.
//
//   /debug/pprof/                 the recorded processes, as text
//   /debug/pprof/heap             gzipped pprof; ?pid=N another process than the main one,
//   ?seconds=N /debug/pprof/allocs           what changed in the next N seconds; allocs differs in
//   its default
//                                 sample type
//
// Other parameters of Go's endpoint (gc, debug=0) are accepted and change nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "base/result.h"
#include "collect/ledger_collector.h"
#include "net/http_server.h"

namespace tidemark {

class HeapEndpoint {
 public:
  // Listens on 127.0.0.1:`port` (0 = any free one). The collector outlives the endpoint. Errors:
  // i/o.
  static Result<std::unique_ptr<HeapEndpoint>> Start(uint16_t port, LedgerCollector* collector);
  ~HeapEndpoint();

  uint16_t port() const { return server_->port(); }

  // Which process is meant when none is named; without a call, the only one there is.
  void SetMain(uint64_t pid);

  // Answers the delta requests whose time has come, or all of them. To be called every now and
  // then from one thread.
  void AnswerDue(int64_t steady_now_ns, bool all);

  static constexpr size_t kMaxPending = 16;  // delta requests under way
  static constexpr int64_t kMaxSeconds = 300;

 private:
  struct Pending {
    int64_t due_ns;  // steady clock
    uint64_t pid;
    bool allocs;
    Profile base;
    HttpResponder respond;
  };

  explicit HeapEndpoint(LedgerCollector* collector) : collector_(collector) {}
  void Handle(const HttpRequest& request, const HttpResponder& respond);
  void HandleProfile(const HttpRequest& request, bool allocs, const HttpResponder& respond);
  HttpResponse Index();

  LedgerCollector* collector_;
  std::mutex mutex_;  // guards the two below
  uint64_t main_pid_ = 0;
  std::vector<Pending> pending_;
  std::unique_ptr<HttpServer> server_;  // last: its threads use the rest
};

}  // namespace tidemark
