// The story's heap, filled in by hand: for tests of what reports say.
#pragma once

#include "heapreport/heap_report.h"
#include "heapreport/sentences.h"

namespace tidemark {

// A Go service that keeps 300,000 spans, 299,900 of them ended, in a global map; 200 MiB.
inline HeapReport LeakySpansReport() {
  constexpr uint64_t kMiB = 1 << 20;
  constexpr int64_t kTime = 1795381200'000'000'000;  // 2026-11-22T21:00:00Z
  HeapReport report;
  report.file = "shop.dump";
  report.format = "go heap dump";
  report.runtime = HeapRuntime::kGo;
  report.file_bytes = 257 * kMiB;
  report.time_ns = kTime;
  report.facts = {{"go version", "go version go1.24.4"},
                  {"runtime objects", "1166464"},
                  {"runtime bytes", "209715200"}};
  report.objects = 1'166'464;
  report.bytes = 200 * kMiB;
  report.owned_objects = 1'166'000;
  report.owned_bytes = 198 * kMiB;
  report.shared_objects = 400;
  report.shared_bytes = 2 * kMiB - 4096;
  report.garbage_objects = 64;
  report.garbage_bytes = 4096;
  report.references = 1'500'000;
  report.roots = 900;

  HeldSpans spans;
  spans.spans = 300'000;
  spans.ended = 299'900;
  spans.newest_end_ns = kTime - 3'000'000'000;
  spans.oldest_end_ns = kTime - 3'600'000'000'000;
  spans.names = {{"GET /checkout", 200'000}, {"charge card", 100'000}};
  spans.traces = {{"0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "GET /checkout",
                   kTime - 3'100'000'000, kTime - 3'000'000'000}};
  spans.chain = {"main.leakySpanCache", "map[string]trace.Span", "*trace.recordingSpan"};

  ReportSuspect suspect;
  suspect.chain = spans.chain;
  suspect.objects = 300'000;
  suspect.retained_bytes = 184 * kMiB;
  suspect.share = 0.92;
  suspect.piled_type = "*trace.recordingSpan";
  suspect.piled_objects = 300'000;
  suspect.piled_bytes = 180 * kMiB;
  suspect.path = {{"", "main.leakySpanCache", 0x5a3f20, 184 * kMiB},
                  {"+0", "map[string]trace.Span", 0xc000012000, 184 * kMiB}};
  suspect.sentence = SuspectSentence(report, suspect, &spans);
  report.suspects = {suspect};
  report.spans = {spans};

  report.owners = {{"main.leakySpanCache", 0x5a3f20, 1'100'000, 184 * kMiB, true},
                   {"goroutine 1 main.main", 0, 900, 14 * kMiB, true}};
  report.types = {{"*trace.recordingSpan", 300'000, 100 * kMiB, 180 * kMiB},
                  {"map[string]trace.Span", 1, 4 * kMiB, 184 * kMiB}};
  report.all_types = 412;
  report.tree = {
      {0, "the heap", "heap", 0, 0, 1'166'400, 200 * kMiB - 4096},
      {0, "main.leakySpanCache", "global", 0, 0, 1'100'000, 184 * kMiB},
      {0, "goroutine 1 main.main", "stack", 900, 14 * kMiB, 900, 14 * kMiB},
      {0, "(12 smaller)", "others", 65'500, 2 * kMiB - 4096, 65'500, 2 * kMiB - 4096},
      {1, "map[string]trace.Span", "type", 1, 4 * kMiB, 1'100'000, 184 * kMiB},
      {4, "*trace.recordingSpan", "type", 300'000, 100 * kMiB, 1'099'999, 180 * kMiB},
      {5, "[]attribute.KeyValue", "type", 799'999, 80 * kMiB, 799'999, 80 * kMiB},
  };
  report.headline = Headline(report);
  return report;
}

}  // namespace tidemark
