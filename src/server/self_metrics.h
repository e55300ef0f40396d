// The server's own state as Prometheus text: everything that is bounded shows its fill, everything
// that can be lost its count.
#pragma once

#include <string>

#include "net/http_server.h"
#include "scrape/scraper.h"
#include "server/capturer.h"
#include "server/heap_dump_puller.h"
#include "server/heap_dumps.h"
#include "server/live_state.h"
#include "server/otlp_service.h"
#include "server/shard.h"
#include "storage/store.h"

namespace tidemark {

struct SelfState {
  const OtlpStats* otlp;
  const Shard* shard;
  const Capturer* capturer;
  HeapDumpsStats heap_dumps;
  HeapDumpPullerStats pulled_heap_dumps;
  StoreStats store;
  LiveStats live;
  ScraperStats scraper;
  HttpServerStats otlp_http, api_http;
};

std::string SelfMetricsText(const SelfState& state);

}  // namespace tidemark
