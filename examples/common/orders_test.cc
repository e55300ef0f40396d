#include "orders.h"

#include <gtest/gtest.h>

namespace shop {
namespace {

TEST(OrdersTest, AnOrderIsSummedWithTax) {
  const Answer answer = PlaceOrder(
      R"({"user":"u1","items":[{"sku":"a","quantity":2,"cents":500},{"sku":"b","quantity":1,"cents":1000}]})",
      9);
  EXPECT_EQ(answer.status, 200);
  EXPECT_NE(answer.body.find(R"("order":9)"), std::string::npos) << answer.body;
  EXPECT_NE(answer.body.find(R"("tax_cents":380)"), std::string::npos) << answer.body;
  EXPECT_NE(answer.body.find(R"("total_cents":2380)"), std::string::npos) << answer.body;
}

TEST(OrdersTest, WhatIsNoOrderIsRefused) {
  for (const char* body :
       {"", "[]", "{", R"({"user":1,"items":[]})", R"({"user":"u"})", R"({"user":"u","items":[1]})",
        R"({"user":"u","items":[{"quantity":0,"cents":1}]})",
        R"({"user":"u","items":[{"quantity":1,"cents":-1}]})"}) {
    EXPECT_EQ(PlaceOrder(body, 1).status, 400) << body;
  }
}

TEST(OrdersTest, SearchFindsProductsThatHoldEveryWord) {
  EXPECT_NE(SearchProducts("Tea pot").body.find("red tea pot"), std::string::npos);
  EXPECT_EQ(SearchProducts("tea pot").body.find("tea cup"), std::string::npos);
  EXPECT_NE(SearchProducts("nothing like it").body.find(R"("results":[])"), std::string::npos);
}

}  // namespace
}  // namespace shop
