#include "storage/schema.h"

#include <limits>

namespace tidemark {
namespace {

using enum ColumnType;

// payload is the newest of its (kind_id, document_id) by version; kind_id and document_id are
// hashes of the texts.
constexpr ColumnSpec kDocuments[] = {
    {"kind_id", kUInt64}, {"document_id", kUInt64}, {"version", kUInt64}, {"updated_ns", kInt64},
    {"kind", kBytes},     {"id", kBytes},           {"payload", kBytes}};

// seq rises with arrival over the whole store: of two points of one series and time the later one
// counts.
constexpr ColumnSpec kPoints[] = {{"series_ref", kUInt64},
                                  {"ts", kInt64},
                                  {"value", kFloat64},
                                  {"seq", kUInt64},
                                  {"batch_id", kUInt64}};

// series_ref numbers the series of one file densely (16 bits a row where a hash takes 64);
// series_id is the same in every file. A series may have several refs.
constexpr ColumnSpec kSeries[] = {{"series_ref", kUInt64}, {"series_id", kUInt64},
                                  {"target_id", kUInt64},  {"metric_id", kUInt64},
                                  {"metric", kBytes},      {"unit", kBytes},
                                  {"kind", kUInt64},       {"attributes", kBytes}};

constexpr ColumnSpec kTargets[] = {{"target_id", kUInt64},        {"service", kBytes},
                                   {"service_namespace", kBytes}, {"version", kBytes},
                                   {"instance", kBytes},          {"attributes", kBytes}};

constexpr ColumnSpec kTargetSeen[] = {
    {"target_id", kUInt64}, {"first_ns", kInt64}, {"last_ns", kInt64}};

// One row for each stack of a profile. stack_ref as series_ref above.
constexpr ColumnSpec kSamples[] = {{"ts", kInt64},
                                   {"target_id", kUInt64},
                                   {"stack_ref", kUInt64},
                                   {"inuse_bytes", kInt64},
                                   {"inuse_objects", kInt64},
                                   {"alloc_bytes", kInt64},
                                   {"alloc_objects", kInt64},
                                   {"batch_id", kUInt64}};

constexpr ColumnSpec kProfiles[] = {
    {"ts", kInt64},          {"target_id", kUInt64},    {"samples", kUInt64},
    {"period", kInt64},      {"inuse_bytes", kInt64},   {"inuse_objects", kInt64},
    {"alloc_bytes", kInt64}, {"alloc_objects", kInt64}, {"batch_id", kUInt64}};

// The heaviest samples that name a trace, at most kMaxLinksPerProfile of a profile. Apart from
// samples, because random ids there would defeat the packing of the whole column.
constexpr ColumnSpec kSampleLinks[] = {{"ts", kInt64},          {"target_id", kUInt64},
                                       {"stack_ref", kUInt64},  {"trace_high", kUInt64},
                                       {"trace_low", kUInt64},  {"span_id", kUInt64},
                                       {"inuse_bytes", kInt64}, {"inuse_objects", kInt64},
                                       {"alloc_bytes", kInt64}, {"alloc_objects", kInt64},
                                       {"batch_id", kUInt64}};

// frames: frame ids, leaf first.
constexpr ColumnSpec kStacks[] = {
    {"stack_ref", kUInt64}, {"stack_id", kUInt64}, {"frames", kUInt64List}};

// address is relative to the file of the module where there is one; 0 when the frame has a
// function.
constexpr ColumnSpec kFrames[] = {
    {"frame_id", kUInt64}, {"function", kBytes}, {"system_name", kBytes},
    {"file", kBytes},      {"line", kInt64},     {"start_line", kInt64},
    {"module", kBytes},    {"build_id", kBytes}, {"address", kUInt64}};

constexpr TableSpec kMetaTables[] = {{TableGroup::kMeta, "documents", kDocuments, false}};

constexpr TableSpec kPointsTables[] = {
    {TableGroup::kPoints, "points", kPoints, true},
    {TableGroup::kPoints, "series", kSeries, false},
    {TableGroup::kPoints, "targets", kTargets, false},
    {TableGroup::kPoints, "target_seen", kTargetSeen, false},
};

constexpr TableSpec kProfilesTables[] = {
    {TableGroup::kProfiles, "samples", kSamples, true},
    {TableGroup::kProfiles, "profiles", kProfiles, true},
    {TableGroup::kProfiles, "sample_links", kSampleLinks, true},
    {TableGroup::kProfiles, "stacks", kStacks, false},
    {TableGroup::kProfiles, "frames", kFrames, false},
    {TableGroup::kProfiles, "targets", kTargets, false},
    {TableGroup::kProfiles, "target_seen", kTargetSeen, false},
};

}  // namespace

std::span<const TableSpec> TablesOf(TableGroup group) {
  switch (group) {
    case TableGroup::kMeta:
      return kMetaTables;
    case TableGroup::kPoints:
      return kPointsTables;
    case TableGroup::kProfiles:
      return kProfilesTables;
  }
  return {};
}

const TableSpec* FindTable(TableGroup group, std::string_view name) {
  for (const TableSpec& table : TablesOf(group)) {
    if (table.name == name) return &table;
  }
  return nullptr;
}

std::string_view GroupName(TableGroup group) {
  switch (group) {
    case TableGroup::kMeta:
      return "meta";
    case TableGroup::kPoints:
      return "points";
    case TableGroup::kProfiles:
      return "profiles";
  }
  return "";
}

int64_t PartitionWidthNs(TableGroup group) {
  switch (group) {
    case TableGroup::kMeta:
      return 0;
    case TableGroup::kPoints:
      return 24 * kNsPerHour;
    case TableGroup::kProfiles:
      return 6 * kNsPerHour;
  }
  return 0;
}

int64_t PartitionStart(TableGroup group, int64_t time_ns) {
  const int64_t width = PartitionWidthNs(group);
  return width == 0 ? 0 : time_ns / width * width;
}

int64_t PartitionEnd(TableGroup group, int64_t start_ns) {
  const int64_t width = PartitionWidthNs(group);
  return width == 0 ? std::numeric_limits<int64_t>::max() : start_ns + width;
}

}  // namespace tidemark
