// Ingest of a fleet's profiles and points, and the fleet's diff, in the store and in SQLite: one
// run, one machine, same rows.
//   storage_bench [INSTANCES PROFILES SAMPLES]
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "fleet.h"
#include "storage/store.h"
#ifdef TIDEMARK_BENCH_SQLITE
#include "sqlite_peer.h"
#endif

namespace tidemark::bench {
namespace {

constexpr int kProfilesPerCommit = 100;
constexpr int kRuns = 5;

double SecondsSince(int64_t start_ns) {
  return static_cast<double>(SteadyClockNs() - start_ns) / 1e9;
}

uint64_t ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  uint64_t total = 0, resident = 0;
  statm >> total >> resident;
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

template <typename T>
T Must(Result<T> result) {
  if (result) return std::move(*result);
  std::fprintf(stderr, "%s\n", result.error().message.c_str());
  std::exit(1);
}

// Keeps at most `limit` units in flight, as senders that wait for their answers do.
class Sender {
 public:
  Sender(Store* store, int limit) : store_(store), limit_(limit) {}
  ~Sender() { WaitFor(0); }
  void Send(WriteUnit unit) {
    WaitFor(limit_ - 1);
    ++in_flight_;
    store_->Append(std::move(unit), [this](Result<void> result) {
      if (!result) {
        std::fprintf(stderr, "%s\n", result.error().message.c_str());
        std::exit(1);
      }
      --in_flight_;
      in_flight_.notify_all();
    });
  }

 private:
  void WaitFor(int most) {
    for (int now = in_flight_; now > most; now = in_flight_) in_flight_.wait(now);
  }
  Store* store_;
  int limit_;
  std::atomic<int> in_flight_ = 0;
};

struct Figures {
  double ingest_seconds = 0, ingest_cpu_seconds = 0, generate_cpu_seconds = 0, diff_seconds = 0;
  uint64_t disk_bytes = 0, resident_bytes = 0, samples = 0;
  int64_t growth_bytes = 0;
};

int64_t Total(const Profile& profile) { return profile.Total(profile.TypeIndex("inuse_space")); }

double IngestPoints(Store* store, int series, int rounds) {
  const int64_t start_ns = SteadyClockNs();
  {
    Sender sender(store, 1'000);
    for (int round = 0; round < rounds; ++round) {
      for (int sender_index = 0; sender_index < 10; ++sender_index) {
        WriteUnit unit;
        MetricBatch batch;
        batch.resource.target = {"points", "bench", "1.0.0", "pod-" + std::to_string(sender_index)};
        for (int i = 0; i < series / 10; ++i) {
          Point point;
          point.metric = "runtime.metric_" + std::to_string(i % 20);
          point.attributes = {{"area", std::to_string(i / 20)}};
          point.unit = "By";
          point.time_ns = kFleetStartNs + round * 10 * kNsPerSecond;
          point.value = static_cast<double>(1'000'000 + round * i % 977);
          batch.points.push_back(std::move(point));
        }
        unit.metrics.push_back(std::move(batch));
        sender.Send(std::move(unit));
      }
    }
  }
  return SecondsSince(start_ns);
}

Figures RunStore(const std::string& directory, const Fleet& fleet) {
  StoreOptions options;
  options.directory = directory;
  auto store = Must(Store::Open(options));
  Figures figures;
  double cpu = CpuSeconds();
  for (int index = 0; index < fleet.shape().profiles; ++index) {
    for (int instance = 0; instance < fleet.shape().instances; ++instance) {
      figures.samples += fleet.ProfileOf(instance, index).profile.samples.size();
    }
  }
  figures.generate_cpu_seconds = CpuSeconds() - cpu;
  cpu = CpuSeconds();
  const int64_t start_ns = SteadyClockNs();
  {
    Sender sender(store.get(), kProfilesPerCommit);
    for (int index = 0; index < fleet.shape().profiles; ++index) {
      for (int instance = 0; instance < fleet.shape().instances; ++instance) {
        WriteUnit unit;
        unit.profiles.push_back(fleet.ProfileOf(instance, index));
        sender.Send(std::move(unit));
      }
    }
  }
  figures.ingest_seconds = SecondsSince(start_ns);
  // Making the rows is not the store's work.
  figures.ingest_cpu_seconds = CpuSeconds() - cpu - figures.generate_cpu_seconds;
  const int64_t middle_ns = kFleetStartNs + fleet.shape().profiles / 2 * kNsPerMinute;
  std::vector<double> seconds;
  for (int run = 0; run < kRuns; ++run) {
    const int64_t query_ns = SteadyClockNs();
    const Profile before = Must(store->ReadProfile({.from_ns = kFleetStartNs, .to_ns = middle_ns}));
    const Profile after = Must(store->ReadProfile({.from_ns = middle_ns}));
    figures.growth_bytes = Total(after) - Total(before);
    seconds.push_back(SecondsSince(query_ns));
  }
  std::sort(seconds.begin(), seconds.end());
  figures.diff_seconds = seconds[seconds.size() / 2];
  figures.resident_bytes = ResidentBytes();
  const int kSeries = 2'000, kRounds = 250;
  const double point_seconds = IngestPoints(store.get(), kSeries, kRounds);
  std::printf("tidemark points: %d in %.2f s = %.0f points/s\n", kSeries * kRounds, point_seconds,
              kSeries * kRounds / point_seconds);
  store.reset();
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory + "/profiles")) {
    figures.disk_bytes += entry.file_size();
  }
  return figures;
}

void Print(const char* name, double seconds, double cpu_seconds, double diff_seconds,
           uint64_t disk_bytes, uint64_t rows) {
  const auto n = static_cast<double>(rows);
  std::printf(
      "%-8s ingest %.2f s = %.0f rows/s, %.2f CPU s = %.0f rows/CPU s; fleet diff %.0f ms; "
      "%.1f bytes/row\n",
      name, seconds, n / seconds, cpu_seconds, n / cpu_seconds, diff_seconds * 1e3,
      static_cast<double>(disk_bytes) / n);
}

int Main(int argc, char** argv) {
  FleetShape shape;
  if (argc == 4) shape = {std::atoi(argv[1]), std::atoi(argv[2]), std::atoi(argv[3]), shape.depth};
  const Fleet fleet(shape);
  std::string directory =
      (std::filesystem::temp_directory_path() / "tidemark-bench-XXXXXX").string();
  if (mkdtemp(directory.data()) == nullptr) return 1;
  const Figures ours = RunStore(directory + "/store", fleet);
  std::printf("%d instances x %d profiles x %d samples = %llu rows\n", shape.instances,
              shape.profiles, shape.samples, static_cast<unsigned long long>(ours.samples));
  Print("tidemark", ours.ingest_seconds, ours.ingest_cpu_seconds, ours.diff_seconds,
        ours.disk_bytes, ours.samples);
  std::printf("tidemark resident after ingest and queries: %.0f MiB\n",
              static_cast<double>(ours.resident_bytes) / (1 << 20));
#ifdef TIDEMARK_BENCH_SQLITE
  const PeerFigures peer = RunSqlite(directory + "/peer.sqlite", fleet, kProfilesPerCommit, kRuns);
  Print("sqlite", peer.ingest_seconds, peer.ingest_cpu_seconds - ours.generate_cpu_seconds,
        peer.diff_seconds, peer.disk_bytes, ours.samples);
  if (std::abs(ours.growth_bytes - peer.growth_bytes) > 2 * shape.samples) {
    std::fprintf(stderr, "the stores differ: growth of %lld and %lld bytes\n",
                 static_cast<long long>(ours.growth_bytes),
                 static_cast<long long>(peer.growth_bytes));
    return 1;
  }
  const double peer_cpu = peer.ingest_cpu_seconds - ours.generate_cpu_seconds;
  std::printf("tidemark / sqlite: ingest CPU %.2fx, diff time %.3fx, disk %.2fx\n",
              ours.ingest_cpu_seconds / peer_cpu, ours.diff_seconds / peer.diff_seconds,
              static_cast<double>(ours.disk_bytes) / static_cast<double>(peer.disk_bytes));
#else
  std::printf("no peer: built without libsqlite3-dev\n");
#endif
  std::filesystem::remove_all(directory);
  return 0;
}

}  // namespace
}  // namespace tidemark::bench

int main(int argc, char** argv) { return tidemark::bench::Main(argc, argv); }
