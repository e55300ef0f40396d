#include "storage/sql.h"

#include <charconv>

namespace tidemark {
namespace {

template <typename T>
void AppendNumber(T value, std::string* out) {
  char text[24];
  out->append(text, std::to_chars(text, text + sizeof text, value).ptr);
}

struct LiteralAppender {
  std::string* out;
  void operator()(int64_t value) const {
    // The lowest value has no literal of its own: its digits without the sign are out of range.
    if (value == std::numeric_limits<int64_t>::min()) {
      out->append("(-9223372036854775807 - 1)");
      return;
    }
    AppendNumber(value, out);
  }
  void operator()(uint64_t value) const { AppendNumber(value, out); }
  void operator()(const std::vector<uint64_t>& values) const {
    if (values.empty()) out->push_back('0');
    for (size_t i = 0; i < values.size(); ++i) {
      if (i > 0) out->push_back(',');
      AppendNumber(values[i], out);
    }
  }
};

}  // namespace

Sql& Sql::Bind(std::string_view name, int64_t value) {
  values_.emplace_back(name, Value(std::in_place_type<int64_t>, value));
  return *this;
}

Sql& Sql::Bind(std::string_view name, uint64_t value) {
  values_.emplace_back(name, Value(std::in_place_type<uint64_t>, value));
  return *this;
}

Sql& Sql::Bind(std::string_view name, std::vector<uint64_t> values) {
  values_.emplace_back(name, Value(std::in_place_type<std::vector<uint64_t>>, std::move(values)));
  return *this;
}

Result<std::string> Sql::Render(
    const std::function<std::string(const TableSpec&)>& table_source) const {
  constexpr std::string_view kTablePrefix = "table:";
  std::string out;
  size_t position = 0;
  while (position < text_.size()) {
    const size_t open = text_.find('{', position);
    if (open == std::string_view::npos) break;
    const size_t close = text_.find('}', open);
    if (close == std::string_view::npos) break;
    out.append(text_.substr(position, open - position));
    const std::string_view name = text_.substr(open + 1, close - open - 1);
    position = close + 1;
    if (name.starts_with(kTablePrefix)) {
      const TableSpec* table = FindTable(group_, name.substr(kTablePrefix.size()));
      if (table == nullptr) {
        return Internal("no table " + std::string(name) + " in group " +
                        std::string(GroupName(group_)));
      }
      out.append(table_source(*table));
      continue;
    }
    bool found = false;
    for (const auto& [bound, value] : values_) {
      if (bound != name) continue;
      std::visit(LiteralAppender{&out}, value);
      found = true;
      break;
    }
    if (!found) return Internal("no value bound for {" + std::string(name) + "} of a query");
  }
  out.append(text_.substr(position));
  return out;
}

}  // namespace tidemark
