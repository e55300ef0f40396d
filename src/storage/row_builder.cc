#include "storage/row_builder.h"

#include <algorithm>
#include <array>

#include "base/hash.h"
#include "model/span.h"

namespace tidemark {
namespace {

// How far a target's last sighting may run ahead of what is on disk.
constexpr int64_t kSeenStepNs = 60 * kNsPerSecond;

// Partitions written to at about the same time. A flood of late data in more of them has its names
// sent again.
constexpr size_t kMaxDictionaries = 8;

constexpr std::string_view kValueTypes[] = {"inuse_space", "inuse_objects", "alloc_space",
                                            "alloc_objects"};
using Values = std::array<int64_t, 4>;

void Accumulate(const Values& more, Values* sum) {
  // Values are a sender's: they wrap rather than overflow.
  for (size_t i = 0; i < sum->size(); ++i) {
    (*sum)[i] =
        static_cast<int64_t>(static_cast<uint64_t>((*sum)[i]) + static_cast<uint64_t>(more[i]));
  }
}

uint64_t AttributesHash(const Attributes& attributes, uint64_t seed) {
  uint64_t hash = seed;
  for (const auto& [key, value] : attributes) hash = HashCombine(Hash64(key, hash), Hash64(value));
  return hash;
}

// The columns of one table while they grow.
template <typename... Columns>
struct TableColumns {
  std::tuple<Columns...> columns;
  template <typename... Values>
  void Push(Values&&... values) {
    PushAll(std::index_sequence_for<Values...>(), std::forward<Values>(values)...);
  }
  bool empty() const { return std::get<0>(columns).empty(); }
  TableRows Take(std::string_view table) {
    TableRows rows{table, {}};
    std::apply([&](auto&... column) { (rows.columns.emplace_back(std::move(column)), ...); },
               columns);
    return rows;
  }

 private:
  template <size_t... Index, typename... Values>
  void PushAll(std::index_sequence<Index...>, Values&&... values) {
    (std::get<Index>(columns).push_back(std::forward<Values>(values)), ...);
  }
};

struct Link {
  uint64_t stack_ref;
  TraceId trace;
  SpanId span;
  Values values;
};

bool FindLink(const Sample& sample, TraceId* trace, SpanId* span) {
  for (const Label& label : sample.labels) {
    if (label.key == "trace_id") FromHex(label.text, trace);
    if (label.key == "span_id") FromHex(label.text, span);
  }
  return static_cast<bool>(*trace);
}

}  // namespace

// In the order of schema.cc's columns.
struct RowBuilder::Rows {
  PartitionDictionary* dictionary = nullptr;
  TableColumns<UInt64Column, Int64Column, Float64Column, UInt64Column, UInt64Column> points;
  TableColumns<UInt64Column, UInt64Column, UInt64Column, UInt64Column, BytesColumn, BytesColumn,
               UInt64Column, BytesColumn>
      series;
  TableColumns<UInt64Column, BytesColumn, BytesColumn, BytesColumn, BytesColumn, BytesColumn>
      targets;
  TableColumns<UInt64Column, Int64Column, Int64Column> target_seen;
  TableColumns<Int64Column, UInt64Column, UInt64Column, Int64Column, Int64Column, Int64Column,
               Int64Column, UInt64Column>
      samples;
  TableColumns<Int64Column, UInt64Column, UInt64Column, Int64Column, Int64Column, Int64Column,
               Int64Column, Int64Column, UInt64Column>
      profiles;
  TableColumns<Int64Column, UInt64Column, UInt64Column, UInt64Column, UInt64Column, UInt64Column,
               Int64Column, Int64Column, Int64Column, Int64Column, UInt64Column>
      links;
  TableColumns<UInt64Column, UInt64Column, UInt64ListColumn> stacks;
  TableColumns<UInt64Column, BytesColumn, BytesColumn, BytesColumn, Int64Column, Int64Column,
               BytesColumn, BytesColumn, UInt64Column>
      frames;
  TableColumns<UInt64Column, UInt64Column, UInt64Column, Int64Column, BytesColumn, BytesColumn,
               BytesColumn>
      documents;

  std::vector<TableRows> Take();
};

std::vector<TableRows> RowBuilder::Rows::Take() {
  std::vector<TableRows> tables;
  const auto take = [&](auto* table, std::string_view name) {
    if (!table->empty()) tables.push_back(table->Take(name));
  };
  take(&points, "points");
  take(&series, "series");
  take(&samples, "samples");
  take(&profiles, "profiles");
  take(&links, "sample_links");
  take(&stacks, "stacks");
  take(&frames, "frames");
  take(&targets, "targets");
  take(&target_seen, "target_seen");
  take(&documents, "documents");
  return tables;
}

namespace {

const Mapping* MappingOf(const Profile& profile, const Location& location) {
  return location.mapping == kNoIndex ? nullptr : &profile.mappings[location.mapping];
}

// An address as it stands in the file, equal in every process that maps it.
uint64_t FileAddress(const Mapping* mapping, uint64_t address) {
  const bool inside = mapping != nullptr && address >= mapping->start && address < mapping->limit;
  return inside ? address - mapping->start + mapping->file_offset : address;
}

}  // namespace

// The frames of one profile's locations. Every text is hashed once, however many samples share it.
struct RowBuilder::Frames {
  explicit Frames(const Profile& profile) : ids(profile.locations.size()) {
    for (const Mapping& mapping : profile.mappings) {
      mappings.push_back(Hash64(mapping.file, Hash64(mapping.build_id)));
    }
    for (const Function& function : profile.functions) {
      functions.push_back(
          Hash64(function.file, Hash64(function.system_name, Hash64(function.name))));
    }
  }
  uint64_t IdOf(const Profile& profile, const Location& location, const Line* line) const {
    const uint64_t mapping = location.mapping == kNoIndex ? 1 : mappings[location.mapping];
    if (line == nullptr) {
      return HashCombine(mapping, FileAddress(MappingOf(profile, location), location.address));
    }
    return HashCombine(HashCombine(mapping, functions[line->function]),
                       static_cast<uint64_t>(line->line));
  }

  std::vector<std::vector<uint64_t>> ids;  // by location, innermost line first; empty: not yet
  std::vector<uint64_t> mappings, functions;
  std::vector<uint64_t> stack;  // scratch
};

void RowBuilder::Begin(uint64_t batch_id, const Bounds& bounds) {
  batch_id_ = batch_id;
  bounds_ = bounds;
  if (dictionaries_.size() > kMaxDictionaries) dictionaries_.clear();
  rows_.clear();
  sightings_.clear();
  counts_ = {};
}

Result<RowBuilder::Rows*> RowBuilder::RowsOf(TableGroup group, int64_t time_ns) {
  const std::pair key(group, PartitionStart(group, time_ns));
  std::shared_ptr<Rows>& rows = rows_[key];
  if (rows != nullptr) return rows.get();
  std::unique_ptr<PartitionDictionary>& dictionary = dictionaries_[key];
  if (dictionary == nullptr) {
    auto fresh = std::make_unique<PartitionDictionary>(FirstRef(group, key.second));
    if (auto loaded = load_(group, key.second, fresh.get()); !loaded) {
      rows_.erase(key);
      dictionaries_.erase(key);
      return loaded.error();
    }
    dictionary = std::move(fresh);
  }
  rows = std::make_shared<Rows>();
  rows->dictionary = dictionary.get();
  return rows.get();
}

void RowBuilder::AddTarget(Rows* rows, const Resource& resource, uint64_t target_id,
                           int64_t time_ns) {
  const auto [it, added] = sightings_.try_emplace(target_id, Sighting{resource, time_ns, time_ns});
  it->second.first_ns = std::min(it->second.first_ns, time_ns);
  it->second.last_ns = std::max(it->second.last_ns, time_ns);
  PartitionDictionary* dictionary = rows->dictionary;
  if (dictionary->targets.Add(AttributesHash(resource.attributes, target_id))) {
    const Target& target = resource.target;
    rows->targets.Push(target_id, target.service, target.service_namespace, target.version,
                       target.instance, CanonicalText(resource.attributes));
  }
  if (dictionary->target_seen_ns.size() >= RefDictionary::kMaxEntries) {
    dictionary->target_seen_ns.clear();
  }
  int64_t& seen_ns = dictionary->target_seen_ns[target_id];
  if (seen_ns == 0 || time_ns >= seen_ns + kSeenStepNs || time_ns <= seen_ns - kSeenStepNs) {
    seen_ns = time_ns;
    rows->target_seen.Push(target_id, time_ns, time_ns);
  }
}

Result<void> RowBuilder::Add(const MetricBatch& batch) {
  const auto target_id = static_cast<uint64_t>(IdOf(batch.resource.target));
  for (const Point& point : batch.points) {
    if (!Keeps(point.time_ns, bounds_.points_floor_ns)) {
      ++counts_.late_points;
      continue;
    }
    TIDEMARK_ASSIGN_OR_RETURN(Rows * rows, RowsOf(TableGroup::kPoints, point.time_ns));
    AddTarget(rows, batch.resource, target_id, point.time_ns);
    const uint64_t metric_id = Hash64(point.metric);
    const uint64_t kind = static_cast<uint64_t>(point.kind);
    const uint64_t series_id = AttributesHash(
        point.attributes, HashCombine(Hash64(point.unit, metric_id), HashCombine(target_id, kind)));
    bool added = false;
    const uint64_t ref = rows->dictionary->refs.RefOf(series_id, &added);
    if (added) {
      rows->series.Push(ref, series_id, target_id, metric_id, point.metric, point.unit, kind,
                        CanonicalText(point.attributes));
    }
    rows->points.Push(ref, point.time_ns, point.value, next_seq_++, batch_id_);
    ++counts_.points;
  }
  return {};
}

Result<void> RowBuilder::Add(const ProfileBatch& batch) {
  const int64_t time_ns = batch.profile.time_ns;
  if (!Keeps(time_ns, bounds_.profiles_floor_ns)) {
    ++counts_.late_profiles;
    return {};
  }
  const bool usable =
      std::any_of(std::begin(kValueTypes), std::end(kValueTypes),
                  [&](std::string_view type) { return batch.profile.TypeIndex(type) != kNoIndex; });
  if (!usable) {
    ++counts_.unusable_profiles;
    return {};
  }
  TIDEMARK_ASSIGN_OR_RETURN(Rows * rows, RowsOf(TableGroup::kProfiles, time_ns));
  const auto target_id = static_cast<uint64_t>(IdOf(batch.resource.target));
  AddTarget(rows, batch.resource, target_id, time_ns);
  AddSamples(rows, batch, target_id);
  ++counts_.profiles;
  return {};
}

void RowBuilder::AddSamples(Rows* rows, const ProfileBatch& batch, uint64_t target_id) {
  const Profile& profile = batch.profile;
  std::array<uint32_t, 4> columns;
  for (size_t i = 0; i < columns.size(); ++i) columns[i] = profile.TypeIndex(kValueTypes[i]);
  Frames frames(profile);
  std::unordered_map<uint64_t, Values> by_stack;
  std::vector<Link> links;
  Values totals{};
  for (const Sample& sample : profile.samples) {
    Values values{};
    for (size_t i = 0; i < values.size(); ++i) {
      if (columns[i] != kNoIndex) values[i] = sample.values[columns[i]];
    }
    if (values == Values{}) continue;
    const uint64_t ref = StackRef(rows, profile, sample, &frames);
    Accumulate(values, &by_stack[ref]);
    Accumulate(values, &totals);
    TraceId trace;
    SpanId span = SpanId::kNone;
    if (FindLink(sample, &trace, &span)) links.push_back({ref, trace, span, values});
  }
  const int64_t ts = profile.time_ns;
  for (const auto& [ref, v] : by_stack) {
    rows->samples.Push(ts, target_id, ref, v[0], v[1], v[2], v[3], batch_id_);
  }
  rows->profiles.Push(ts, target_id, static_cast<uint64_t>(by_stack.size()), profile.period,
                      totals[0], totals[1], totals[2], totals[3], batch_id_);
  if (links.size() > kMaxLinksPerProfile) {
    std::partial_sort(links.begin(), links.begin() + kMaxLinksPerProfile, links.end(),
                      [](const Link& a, const Link& b) { return a.values > b.values; });
    links.resize(kMaxLinksPerProfile);
  }
  for (const Link& link : links) {
    const Values& v = link.values;
    rows->links.Push(ts, target_id, link.stack_ref, link.trace.high, link.trace.low,
                     static_cast<uint64_t>(link.span), v[0], v[1], v[2], v[3], batch_id_);
  }
  counts_.samples += by_stack.size();
}

uint64_t RowBuilder::StackRef(Rows* rows, const Profile& profile, const Sample& sample,
                              Frames* frames) {
  static const uint64_t kTruncatedId = Hash64("[truncated]");
  std::vector<uint64_t>& stack = frames->stack;
  stack.clear();
  for (const uint32_t index : sample.locations) {
    const Location& location = profile.locations[index];
    std::vector<uint64_t>& ids = frames->ids[index];
    if (ids.empty()) {
      const Mapping* mapping = MappingOf(profile, location);
      const std::string module = mapping == nullptr ? "" : mapping->file;
      const std::string build_id = mapping == nullptr ? "" : mapping->build_id;
      if (location.lines.empty()) {
        ids.push_back(frames->IdOf(profile, location, nullptr));
        if (rows->dictionary->frames.Add(ids.back())) {
          rows->frames.Push(ids.back(), "", "", "", 0, 0, module, build_id,
                            FileAddress(mapping, location.address));
        }
      }
      for (const Line& line : location.lines) {
        ids.push_back(frames->IdOf(profile, location, &line));
        if (!rows->dictionary->frames.Add(ids.back())) continue;
        const Function& function = profile.functions[line.function];
        rows->frames.Push(ids.back(), function.name, function.system_name, function.file, line.line,
                          function.start_line, module, build_id, uint64_t{0});
      }
    }
    stack.insert(stack.end(), ids.begin(), ids.end());
    if (stack.size() > kMaxStackFrames) break;
  }
  if (stack.size() > kMaxStackFrames) {
    stack.resize(kMaxStackFrames);
    stack.push_back(kTruncatedId);
    if (rows->dictionary->frames.Add(kTruncatedId)) {
      rows->frames.Push(kTruncatedId, "[truncated]", "", "", 0, 0, "", "", uint64_t{0});
    }
  }
  const uint64_t stack_id =
      Hash64({reinterpret_cast<const char*>(stack.data()), stack.size() * sizeof(uint64_t)});
  bool added = false;
  const uint64_t ref = rows->dictionary->refs.RefOf(stack_id, &added);
  if (added) rows->stacks.Push(ref, stack_id, stack);
  return ref;
}

void RowBuilder::Add(const Document& document, uint64_t version) {
  auto rows = RowsOf(TableGroup::kMeta, 0);
  (*rows)->documents.Push(Hash64(document.kind), Hash64(document.id), version, document.updated_ns,
                          document.kind, document.id, document.payload);
}

std::vector<PartitionRows> RowBuilder::Take() {
  std::vector<PartitionRows> partitions;
  for (auto& [key, rows] : rows_) {
    std::vector<TableRows> tables = rows->Take();
    if (!tables.empty()) partitions.push_back({key.first, key.second, std::move(tables)});
  }
  return partitions;
}

void RowBuilder::Forget() {
  for (const auto& [key, rows] : rows_) dictionaries_.erase(key);
  rows_.clear();
  sightings_.clear();
}

}  // namespace tidemark
