// The text of a query with its values kept apart. The text is a constant of ours in the dialect
// that DuckDB and ClickHouse share (decision 0041); `{table:samples}` stands for a table, `{name}`
// for a bound value. Values are numbers only: text is looked up by its hash, so nothing a sender
// wrote ever becomes part of a statement.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "storage/schema.h"

namespace tidemark {

struct TimeRange {
  int64_t from_ns = 0;
  int64_t to_ns = std::numeric_limits<int64_t>::max();  // exclusive
};

class Sql {
 public:
  // `group` is where the tables stand. Partitions outside `range` are not read: say it beside the
  // WHERE, not instead.
  Sql(std::string_view text, TableGroup group, TimeRange range = {})
      : text_(text), group_(group), range_(range) {}

  Sql& Bind(std::string_view name, int64_t value);
  Sql& Bind(std::string_view name, uint64_t value);
  // For `x IN ({name})`. An empty list matches nothing, for which 0 stands: it is no id.
  Sql& Bind(std::string_view name, std::vector<uint64_t> values);

  TableGroup group() const { return group_; }
  TimeRange range() const { return range_; }

  // The statement with each table replaced by `table_source(name)` and each value by its literal.
  // Error (internal): a placeholder without a value.
  Result<std::string> Render(
      const std::function<std::string(const TableSpec&)>& table_source) const;

 private:
  using Value = std::variant<int64_t, uint64_t, std::vector<uint64_t>>;
  std::string_view text_;
  TableGroup group_;
  TimeRange range_;
  std::vector<std::pair<std::string_view, Value>> values_;
};

}  // namespace tidemark
