// SpanCache against a std::unordered_map and a std::mutex, both bounded to the same number of
// entries and to one minute. An operation is an Add and a Find. Pairs of runs, ours and the peer's
// in turn, medians over the pairs. The memory is of one filled cache each: what the process'
// resident set grew by.
//
//   sdk_bench [PAIRS]      (7)
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fstream>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "tidemark/exporter.hpp"
#include "tidemark/span_cache.hpp"

namespace {

using tidemark::sdk::SpanCache;
using tidemark::sdk::SpanRecord;

constexpr size_t kCacheBytes = 8 << 20;
constexpr int64_t kTtlNs = 60'000'000'000;
constexpr uint64_t kOperations = 400'000;  // of all threads together

// splitmix64, as in src/sdk/span.cc.
uint64_t Mixed(uint64_t z) {
  z *= 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

SpanRecord RecordOf(uint64_t number) {
  SpanRecord record;
  const uint64_t id = Mixed(number);
  memcpy(record.span.span_id, &id, sizeof id);
  return record;
}

// The peer: an entry goes when it is the oldest of a full map, or a minute old.
class PlainMap {
 public:
  explicit PlainMap(size_t max_entries) : max_entries_(max_entries) {}

  void Add(const SpanRecord& record, int64_t now_ns) {
    uint64_t id;
    memcpy(&id, record.span.span_id, sizeof id);
    const std::lock_guard lock(mutex_);
    while (!ages_.empty() &&
           (ages_.size() >= max_entries_ || now_ns - ages_.front().second >= kTtlNs)) {
      map_.erase(ages_.front().first);
      ages_.pop_front();
    }
    map_[id] = record;
    ages_.emplace_back(id, now_ns);
  }

  bool Find(const uint8_t span_id[8], int64_t) {
    uint64_t id;
    memcpy(&id, span_id, sizeof id);
    const std::lock_guard lock(mutex_);
    return map_.count(id) != 0;
  }

 private:
  const size_t max_entries_;
  std::mutex mutex_;
  std::unordered_map<uint64_t, SpanRecord> map_;
  std::deque<std::pair<uint64_t, int64_t>> ages_;
};

// Nanoseconds an operation takes, of the wall clock, times threads.
template <typename Cache>
double Run(Cache* cache, int threads, uint64_t salt) {
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::thread> workers;
  for (int t = 0; t < threads; ++t) {
    workers.emplace_back([cache, threads, t, salt] {
      const uint64_t first = (salt * 64 + static_cast<uint64_t>(t)) << 32;
      uint64_t found = 0;
      for (uint64_t i = 0; i < kOperations / static_cast<uint64_t>(threads); ++i) {
        cache->Add(RecordOf(first + i), static_cast<int64_t>(i));
        found += static_cast<bool>(
            cache->Find(RecordOf(first + i - i % 1000).span.span_id, static_cast<int64_t>(i)));
      }
      if (found == 0) std::abort();
    });
  }
  for (std::thread& worker : workers) worker.join();
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
  return took.count() / static_cast<double>(kOperations);
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

double ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  double size = 0, resident = 0;
  statm >> size >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

template <typename Cache>
double BytesAnEntry(Cache* cache, uint64_t entries) {
  const double before = ResidentBytes();
  for (uint64_t i = 0; i < entries; ++i) cache->Add(RecordOf(i), 0);
  return (ResidentBytes() - before) / static_cast<double>(entries);
}

void CompareTimes(int pairs, uint64_t entries) {
  std::printf("%-8s %14s %14s %8s\n", "threads", "SpanCache ns", "map+mutex ns", "ratio");
  uint64_t salt = 0;
  for (int threads : {1, 2, 4}) {
    std::vector<double> ours, theirs, ratios;
    SpanCache cache({.max_bytes = kCacheBytes});
    PlainMap map(entries);
    Run(&cache, threads, ++salt);  // both full and warm
    Run(&map, threads, salt);
    for (int pair = 0; pair < pairs; ++pair) {
      ours.push_back(Run(&cache, threads, ++salt));
      theirs.push_back(Run(&map, threads, salt));
      ratios.push_back(theirs.back() / ours.back());
    }
    std::printf("%-8d %14.0f %14.0f %8.2f\n", threads, Median(ours), Median(theirs),
                Median(ratios));
  }
}

// What Exporter::Add costs its caller while nothing can be sent.
void ExporterAdd() {
  tidemark::sdk::ExporterOptions options;
  options.endpoint = "http://127.0.0.1:1";
  options.shutdown_ns = 1;
  options.memory_use = [] { return 0.0; };
  std::string error;
  const auto exporter = tidemark::sdk::Exporter::Start(options, &error);
  tidemark::sdk::EndedSpan span;
  span.name = "GET /search";
  span.route = "/search";
  span.kind = tidemark::sdk::SpanKind::kServer;
  span.attributes = {{"http.request.method", "GET"}, {"http.response.status_code", "200"}};
  constexpr int kSpans = 200'000;
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < kSpans; ++i) {
    memcpy(span.span.span_id, &i, sizeof i);
    exporter->Add(span);
  }
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
  const auto stats = exporter->stats();
  std::printf(
      "\nExporter::Add: %.0f ns a span, unreachable server; queue %.1f MiB at most, %llu of "
      "%llu spans counted as dropped\n",
      took.count() / kSpans, static_cast<double>(stats.peak_queue_bytes) / (1 << 20),
      static_cast<unsigned long long>(stats.spans.dropped()),
      static_cast<unsigned long long>(stats.spans.added));
}

}  // namespace

int main(int argc, char** argv) {
  const int pairs = argc > 1 ? std::max(1, std::atoi(argv[1])) : 7;
  SpanCache filled({.max_bytes = kCacheBytes});
  const uint64_t entries = filled.stats().max_entries;
  auto plain = std::make_unique<PlainMap>(entries);
  const double ours = BytesAnEntry(&filled, entries);
  const double theirs = BytesAnEntry(plain.get(), entries);
  std::printf("%llu entries: SpanCache %.0f bytes an entry, map+mutex %.0f (resident)\n\n",
              static_cast<unsigned long long>(entries), ours, theirs);
  plain.reset();
  CompareTimes(pairs, entries);
  ExporterAdd();
}
