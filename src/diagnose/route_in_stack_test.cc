#include "diagnose/route_in_stack.h"

#include <gtest/gtest.h>

namespace tidemark {
namespace {

const std::vector<FrameText> kStack = {{"main.processRequest", "", 0, ""},
                                       {"main.handleCheckout", "", 0, ""}};

TEST(RouteInStackTest, TheHandlersNameGivesTheRoute) {
  EXPECT_EQ(RouteInStack({"/search", "/v1/checkout", "/health"}, kStack), "/v1/checkout");
}

TEST(RouteInStackTest, TwoCandidatesOrShortWordsGiveNone) {
  EXPECT_EQ(RouteInStack({"/checkout", "/process/{id}"}, kStack), "");
  EXPECT_EQ(RouteInStack({"/out", "/"}, kStack), "");
  EXPECT_EQ(RouteInStack({}, kStack), "");
}

}  // namespace
}  // namespace tidemark
