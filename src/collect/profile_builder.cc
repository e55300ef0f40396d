#include "collect/profile_builder.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <tuple>

#include "base/time.h"
#include "collect/allocator_frames.h"
#include "collect/location_table.h"
#include "model/span.h"

namespace tidemark {
namespace {

constexpr size_t kMaxUnreadableComments = 8;

struct Weight {
  double bytes = 0, objects = 0, variance = 0;
  void Add(const Weight& other) {
    bytes += other.bytes;
    objects += other.objects;
    variance += other.variance;
  }
};

// A block stands for size / p bytes; the variance of its sampling is size^2 (1 - p) / p^2, that is
// bytes * (bytes - size).
Weight WeightOf(const LedgerSample& sample) {
  const double rest = sample.bytes - static_cast<double>(sample.size);
  return {sample.bytes, sample.objects, std::max(0.0, sample.bytes * rest)};
}

// The greatest power of two seconds not above the age, 0 below a second; -1 = ages are not told
// apart.
using AgeClass = int64_t;

AgeClass AgeClassOf(const LedgerSample& sample, const ProfileOptions& options) {
  if (!options.ages) return -1;
  const int64_t seconds = (options.time_ns - sample.alloc_unix_ns) / kNsPerSecond;
  return seconds <= 0 ? 0 : static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(seconds)));
}

// Live weight of one stack, span and age.
struct SpanGroup {
  uint32_t stack = 0;
  TraceId trace_id;
  SpanId span_id = SpanId::kNone;
  AgeClass age = -1;
  Weight live;
};

// Live weights: per stack those without a span by age, and one group for each stack, span and age.
struct Groups {
  std::vector<std::map<AgeClass, Weight>> without_span;  // by stack
  std::vector<SpanGroup> with_span;
  size_t merged = 0;  // groups that lost their span to the limit
};

uint64_t BigEndian(const uint8_t* bytes) {
  uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value = value << 8 | bytes[i];
  return value;
}

Groups GroupLive(const LedgerSnapshot& ledger, const ProfileOptions& options) {
  Groups groups;
  groups.without_span.resize(ledger.stacks.size());
  std::map<std::tuple<uint32_t, TraceId, SpanId, AgeClass>, Weight> by_span;
  for (const LedgerSample& sample : ledger.live) {
    const AgeClass age = AgeClassOf(sample, options);
    if (!sample.has_span) {
      groups.without_span[sample.stack][age].Add(WeightOf(sample));
      continue;
    }
    const TraceId trace{BigEndian(sample.trace_id.data()), BigEndian(sample.trace_id.data() + 8)};
    const SpanId span{BigEndian(sample.span_id.data())};
    by_span[{sample.stack, trace, span, age}].Add(WeightOf(sample));
  }
  groups.with_span.reserve(by_span.size());
  for (const auto& [key, weight] : by_span) {
    const auto& [stack, trace, span, age] = key;
    groups.with_span.push_back({stack, trace, span, age, weight});
  }
  return groups;
}

// The heaviest `room` groups keep their span; the others join their stack's samples without one.
void LimitSpans(size_t room, Groups* groups) {
  auto& all = groups->with_span;
  if (all.size() <= room) return;
  const auto cut = all.begin() + static_cast<ptrdiff_t>(room);
  std::nth_element(all.begin(), cut, all.end(), [](const SpanGroup& a, const SpanGroup& b) {
    return a.live.bytes > b.live.bytes;
  });
  for (auto it = cut; it != all.end(); ++it) groups->without_span[it->stack][it->age].Add(it->live);
  groups->merged = static_cast<size_t>(all.end() - cut);
  all.erase(cut, all.end());
}

std::vector<int64_t> Values(const Weight& alloc, const Weight& live) {
  return {std::llround(alloc.objects), std::llround(alloc.bytes), std::llround(live.objects),
          std::llround(live.bytes)};
}

void AddAge(AgeClass age, std::vector<Label>* labels) {
  if (age >= 0) labels->push_back({"age", "", age, "seconds"});
}

void AddSamples(const LedgerSnapshot& ledger, const Groups& groups, LocationTable* table,
                Profile* profile, std::vector<double>* variances) {
  std::vector<std::vector<uint32_t>> locations(ledger.stacks.size());
  const auto add = [&](uint32_t stack, const Weight& alloc, const Weight& live,
                       std::vector<Label> labels) {
    auto values = Values(alloc, live);
    if (std::all_of(values.begin(), values.end(), [](int64_t v) { return v == 0; })) return;
    if (locations[stack].empty()) locations[stack] = table->Locations(ledger.stacks[stack]);
    profile->samples.push_back({locations[stack], std::move(values), std::move(labels)});
    if (variances != nullptr) variances->push_back(live.variance);
  };
  for (uint32_t i = 0; i < ledger.stacks.size(); ++i) {
    const Weight alloc{ledger.stacks[i].alloc_bytes, ledger.stacks[i].alloc_objects};
    const auto& live = groups.without_span[i];
    // With one age, or none told apart, alloc and live values stand in one sample.
    const bool together = live.empty() || live.begin()->first < 0;
    if (together) {
      add(i, alloc, live.empty() ? Weight() : live.begin()->second, {});
      continue;
    }
    add(i, alloc, {}, {});
    for (const auto& [age, weight] : live) {
      std::vector<Label> labels;
      AddAge(age, &labels);
      add(i, {}, weight, std::move(labels));
    }
  }
  for (const SpanGroup& group : groups.with_span) {
    std::vector<Label> labels = {{"trace_id", ToHex(group.trace_id)}};
    if (group.span_id != SpanId::kNone) labels.push_back({"span_id", ToHex(group.span_id)});
    AddAge(group.age, &labels);
    add(group.stack, {}, group.live, std::move(labels));
  }
}

void AddComments(const LedgerSnapshot& ledger, const ProfileOptions& options, const Groups& groups,
                 const LocationTable& table, Profile* profile) {
  auto& comments = profile->comments;
  const LedgerHeader& header = ledger.header;
  const auto add = [&comments](const std::string& key, const std::string& value) {
    comments.push_back(key + ": " + value);
  };
  const auto count = [&add](const std::string& key, uint64_t value) {
    if (value != 0) add(key, std::to_string(value));
  };
  add("pid", std::to_string(header.pid));
  if (!header.exe_path.empty()) add("executable", header.exe_path);
  add("sample_bytes", std::to_string(header.sample_bytes));
  const LiveTotals totals = TotalsOf(ledger);
  add("live_bytes", std::to_string(std::llround(totals.bytes)) + " +- " +
                        std::to_string(std::llround(totals.sigma_bytes)) + " (one standard error)");
  if (header.state == ledger::State::kOff) {
    add("recorder_off", LedgerOffReasonName(header.off_reason));
  }
  if (header.forked) add("forked", "holds only what was allocated since the fork");
  for (size_t i = 0; i < header.losses.size(); ++i) {
    const auto loss = static_cast<ledger::Loss>(i);
    count(std::string("lost, ") + LedgerLossName(loss), header.losses[i]);
  }
  count("damaged_slots", ledger.damaged);
  count("spans_merged", groups.merged);
  for (const auto& [key, value] : options.annotations) {
    if (!value.empty()) add(key, value);
  }
  const auto unreadable = table.Unreadable();
  for (size_t i = 0; i < unreadable.size() && i < kMaxUnreadableComments; ++i) {
    add("no_symbols", unreadable[i]);
  }
}

}  // namespace

Profile BuildProfile(const LedgerSnapshot& ledger, Symbolizer& symbolizer,
                     const ProfileOptions& options, std::vector<double>* variances) {
  Profile profile;
  profile.sample_types = {{"alloc_objects", "count"},
                          {"alloc_space", "bytes"},
                          {"inuse_objects", "count"},
                          {"inuse_space", "bytes"}};
  profile.default_sample_type = "inuse_space";
  profile.period_type = {"space", "bytes"};
  profile.period = static_cast<int64_t>(ledger.header.sample_bytes);
  profile.time_ns = options.time_ns;
  profile.drop_frames = DropFramesPattern();
  Groups groups = GroupLive(ledger, options);
  const size_t stacks = ledger.stacks.size();
  LimitSpans(options.max_samples > stacks ? options.max_samples - stacks : 0, &groups);
  LocationTable table(ledger, options.module_root, &symbolizer, &profile);
  AddSamples(ledger, groups, &table, &profile, variances);
  AddComments(ledger, options, groups, table, &profile);
  return profile;
}

LiveTotals TotalsOf(const LedgerSnapshot& ledger) {
  LiveTotals totals;
  double variance = 0;
  for (const LedgerSample& sample : ledger.live) {
    totals.bytes += sample.bytes;
    totals.objects += sample.objects;
    variance += WeightOf(sample).variance;
  }
  for (const LedgerStack& stack : ledger.stacks) totals.alloc_bytes += stack.alloc_bytes;
  totals.sigma_bytes = std::sqrt(variance);
  return totals;
}

}  // namespace tidemark
