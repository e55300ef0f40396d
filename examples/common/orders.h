// The shop's work: JSON in, JSON out.
#pragma once

#include <string>
#include <string_view>

namespace shop {

struct Answer {
  int status = 200;
  std::string body;  // JSON
};

// {"user": s, "items": [{"sku": s, "quantity": n, "cents": n}]} -> total with tax, an order number.
// 400 for anything else.
Answer PlaceOrder(std::string_view body, uint64_t order_number);

// Products whose name holds every word of `query`, at most ten.
Answer SearchProducts(std::string_view query);

}  // namespace shop
