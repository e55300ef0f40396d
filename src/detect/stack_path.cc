#include "detect/stack_path.h"

#include <algorithm>
#include <cmath>

namespace tidemark {
namespace {

constexpr int64_t kClockStaleNs = 60'000'000'000;  // an instance silent for longer lends no clock

// One stack in one instance, over its profiles.
struct Track {
  std::vector<double> time_ns, inuse, alloc, linked, requests;
  bool has_alloc = true, has_linked = true, has_requests = true;
  double objects = 0, object_bytes = 0, period_bytes = 0, process_bytes = 0;
};

Track ReadTrack(const StackHistory& history, uint64_t stack_id) {
  Track track;
  for (const StackSnapshot& snapshot : history.snapshots()) {
    const StackSample* sample = snapshot.Find(stack_id);
    track.time_ns.push_back(static_cast<double>(snapshot.time_ns));
    track.inuse.push_back(sample ? sample->inuse_bytes : 0);
    if (sample && sample->alloc_bytes < 0) track.has_alloc = false;
    if (sample && sample->linked_bytes < 0) track.has_linked = false;
    if (snapshot.requests_total < 0) track.has_requests = false;
    // Cumulative bytes of a stack that left the profile stay what they were.
    const double before = track.alloc.empty() ? 0 : track.alloc.back();
    track.alloc.push_back(sample ? std::max(before, sample->alloc_bytes) : before);
    track.linked.push_back(sample ? sample->linked_bytes : 0);
    track.requests.push_back(snapshot.requests_total);
  }
  if (history.snapshots().empty()) return track;
  const StackSnapshot& last = history.snapshots().back();
  track.period_bytes = last.period_bytes;
  track.process_bytes = last.inuse_bytes;
  if (const StackSample* sample = last.Find(stack_id)) {
    track.objects = sample->inuse_objects;
    track.object_bytes =
        sample->inuse_objects > 0 ? sample->inuse_bytes / sample->inuse_objects : 0;
  }
  return track;
}

// Adds the changes of one column of one instance between the clock's ticks. A cursor keeps it
// linear in time.
void AddChanges(std::span<const double> clock, std::span<const double> time,
                std::span<const double> value, std::vector<double>& change) {
  size_t cursor = 0;
  double before = 0;
  bool covered = false;
  for (size_t k = 0; k < clock.size(); ++k) {
    if (clock[k] < time.front() || clock[k] > time.back()) {
      covered = false;
      continue;
    }
    while (cursor + 1 < time.size() && time[cursor + 1] <= clock[k]) ++cursor;
    double now = value[cursor];
    if (cursor + 1 < time.size() && clock[k] > time[cursor]) {
      const double part = (clock[k] - time[cursor]) / (time[cursor + 1] - time[cursor]);
      now += part * (value[cursor + 1] - value[cursor]);
    }
    if (covered) change[k] += now - before;
    before = now;
    covered = true;
  }
}

// How many tracks cover each tick and the one before it.
std::vector<double> Coverage(std::span<const double> clock, const std::vector<Track>& tracks) {
  std::vector<double> count(clock.size(), 0);
  for (const Track& track : tracks) {
    for (size_t k = 1; k < clock.size(); ++k) {
      if (clock[k - 1] >= track.time_ns.front() && clock[k] <= track.time_ns.back()) count[k] += 1;
    }
  }
  return count;
}

std::vector<double> PoolColumn(std::span<const double> clock, const std::vector<Track>& tracks,
                               std::span<const double> coverage,
                               std::vector<double> Track::*column) {
  std::vector<double> path(clock.size(), 0);
  for (const Track& track : tracks) AddChanges(clock, track.time_ns, track.*column, path);
  double sum = 0;
  for (size_t k = 0; k < path.size(); ++k) {
    if (coverage[k] > 0) sum += path[k] / coverage[k];
    path[k] = sum;
  }
  return path;
}

const Track* ChooseClock(const std::vector<Track>& tracks) {
  double newest = 0;
  for (const Track& track : tracks) newest = std::max(newest, track.time_ns.back());
  const Track* clock = nullptr;
  for (const Track& track : tracks) {
    if (newest - track.time_ns.back() > static_cast<double>(kClockStaleNs)) continue;
    if (!clock || track.time_ns.size() > clock->time_ns.size()) clock = &track;
  }
  return clock;
}

// The newest state, mean per instance.
void FillLevels(const std::vector<Track>& tracks, StackPath& path) {
  double inuse = 0, sized = 0;
  for (const Track& track : tracks) {
    inuse += track.inuse.back();
    path.objects += track.objects;
    path.period_bytes += track.period_bytes;
    path.process_bytes += track.process_bytes;
    if (track.objects > 0) sized += track.objects * track.object_bytes;
  }
  const double count = static_cast<double>(tracks.size());
  path.object_bytes = path.objects > 0 ? sized / path.objects : 0;
  path.objects /= count;
  path.period_bytes /= count;
  path.process_bytes /= count;
  const double shift = inuse / count - path.inuse.back();
  for (double& value : path.inuse) value += shift;
}

}  // namespace

StackPath BuildStackPath(std::span<const StackHistory* const> histories, uint64_t stack_id) {
  std::vector<Track> tracks;
  bool has_alloc = true, has_linked = true, has_requests = true;
  for (const StackHistory* history : histories) {
    if (history->snapshots().size() < 2) continue;
    tracks.push_back(ReadTrack(*history, stack_id));
    has_alloc = has_alloc && tracks.back().has_alloc;
    has_linked = has_linked && tracks.back().has_linked;
    has_requests = has_requests && tracks.back().has_requests;
  }
  StackPath path;
  if (tracks.empty()) return path;
  const std::vector<double>& clock = ChooseClock(tracks)->time_ns;
  path.origin_ns = static_cast<int64_t>(clock.front());
  for (const double tick : clock) path.time_s.push_back((tick - clock.front()) * 1e-9);
  path.instances = static_cast<int>(tracks.size());
  const std::vector<double> coverage = Coverage(clock, tracks);
  path.inuse = PoolColumn(clock, tracks, coverage, &Track::inuse);
  if (has_alloc) path.alloc = PoolColumn(clock, tracks, coverage, &Track::alloc);
  if (has_linked) path.linked = PoolColumn(clock, tracks, coverage, &Track::linked);
  if (has_requests) path.requests = PoolColumn(clock, tracks, coverage, &Track::requests);
  FillLevels(tracks, path);
  return path;
}

double SamplingVariance(double bytes, double object_bytes, double period_bytes) {
  if (period_bytes <= 0 || bytes <= 0) return 0;
  if (object_bytes <= 0) return bytes * period_bytes;
  return bytes * object_bytes / std::expm1(object_bytes / period_bytes);
}

}  // namespace tidemark
