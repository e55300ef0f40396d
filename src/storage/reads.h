// The queries behind Store's Read*: text, parameters, and what is made of the rows. Any thread may
// call.
#pragma once

#include <optional>
#include <vector>

#include "storage/dictionary.h"
#include "storage/engine.h"
#include "storage/store.h"
#include "storage/target_table.h"

namespace tidemark {

Result<std::vector<Series>> ReadSeriesFrom(Engine* engine, const TargetTable& targets,
                                           const SeriesQuery& query);
Result<Profile> ReadProfileFrom(Engine* engine, const TargetTable& targets,
                                const ProfileQuery& query);
// The same for targets by id, null for all.
Result<Profile> ReadProfileOf(Engine* engine, TimeRange range,
                              const std::optional<std::vector<uint64_t>>& targets, bool with_links);
Result<std::vector<GrowthRow>> ReadGrowthFrom(Engine* engine, const TargetTable& targets,
                                              const GrowthQuery& query);

// Fills the table from what the partitions know.
Result<void> LoadTargets(Engine* engine, TargetTable* targets);
// Fills the dictionary of one partition with the names its file has.
Result<void> LoadDictionaryFrom(Engine* engine, TableGroup group, int64_t start_ns,
                                PartitionDictionary* dictionary);
Result<std::vector<Document>> ReadDocumentsFrom(Engine* engine, const std::string& kind);

// [from, to) with 0 as open end. Error: invalid argument when it is empty.
Result<TimeRange> RangeOf(int64_t from_ns, int64_t to_ns);

// Largest value of a column over a range of partitions, 0 when there is no row.
Result<uint64_t> MaxOf(Engine* engine, TableGroup group, std::string_view text, TimeRange range);

}  // namespace tidemark
