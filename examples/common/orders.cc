#include "orders.h"

#include <array>
#include <boost/json.hpp>
#include <cctype>
#include <vector>

namespace shop {
namespace {

namespace json = boost::json;

constexpr int64_t kTaxPercent = 19;
constexpr size_t kMaxItems = 100;
constexpr size_t kMaxResults = 10;

constexpr std::array<std::string_view, 16> kProducts = {
    "red tea pot",       "blue tea cup",     "green tea tin",     "black coffee mill",
    "steel coffee pot",  "glass tea pot",    "oak spice rack",    "wool oven glove",
    "iron frying pan",   "copper sauce pan", "linen tea towel",   "clay baking dish",
    "steel bread knife", "oak bread board",  "glass measure jug", "tin cookie box"};

Answer Refuse(const std::string& reason) {
  return {400, json::serialize(json::object{{"error", reason}})};
}

const json::value* Field(const json::object& object, std::string_view key) {
  return object.if_contains(json::string_view(key.data(), key.size()));
}

int64_t IntegerOr(const json::object& object, std::string_view key, int64_t fallback) {
  const json::value* value = Field(object, key);
  const int64_t* number = value == nullptr ? nullptr : value->if_int64();
  return number == nullptr ? fallback : *number;
}

// The sum of one order line in cents, -1 when it is none.
int64_t LineCents(const json::value& item) {
  const json::object* line = item.if_object();
  if (line == nullptr) return -1;
  const int64_t quantity = IntegerOr(*line, "quantity", -1);
  const int64_t cents = IntegerOr(*line, "cents", -1);
  if (quantity < 1 || quantity > 1000 || cents < 0 || cents > 100'000'000) return -1;
  return quantity * cents;
}

bool HoldsEveryWord(std::string_view product, std::string_view query) {
  while (!query.empty()) {
    const size_t end = std::min(query.find(' '), query.size());
    if (product.find(query.substr(0, end)) == std::string_view::npos) return false;
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return true;
}

}  // namespace

Answer PlaceOrder(std::string_view body, uint64_t order_number) {
  boost::system::error_code error;
  const json::value parsed = json::parse(json::string_view(body.data(), body.size()), error);
  const json::object* order = error ? nullptr : parsed.if_object();
  if (order == nullptr) return Refuse("the body is no JSON object");
  const json::value* user = Field(*order, "user");
  const json::value* items = Field(*order, "items");
  if (user == nullptr || !user->is_string()) return Refuse("user is missing");
  if (items == nullptr || !items->is_array() || items->get_array().size() > kMaxItems) {
    return Refuse("items must be an array of at most 100");
  }
  int64_t sum = 0;
  json::array lines;
  for (const json::value& item : items->get_array()) {
    const int64_t cents = LineCents(item);
    if (cents < 0) return Refuse("an item needs quantity (1 to 1000) and cents");
    sum += cents;
    json::object line = item.get_object();
    line["sum_cents"] = cents;
    lines.push_back(std::move(line));
  }
  return {200, json::serialize(json::object{{"order", order_number},
                                            {"user", *user},
                                            {"lines", std::move(lines)},
                                            {"tax_cents", sum * kTaxPercent / 100},
                                            {"total_cents", sum + sum * kTaxPercent / 100}})};
}

Answer SearchProducts(std::string_view query) {
  std::string wanted(query);
  for (char& c : wanted) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  json::array results;
  for (const std::string_view product : kProducts) {
    if (results.size() < kMaxResults && HoldsEveryWord(product, wanted)) {
      results.push_back(json::value(json::string_view(product.data(), product.size())));
    }
  }
  return {200, json::serialize(json::object{{"query", wanted}, {"results", std::move(results)}})};
}

}  // namespace shop
