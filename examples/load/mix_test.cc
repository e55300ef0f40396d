#include "mix.h"

#include <gtest/gtest.h>

namespace load {
namespace {

TEST(MixTest, CheckoutsSwingBetweenThirtyAndSeventyPercent) {
  const Mix mix;
  EXPECT_DOUBLE_EQ(CheckoutShare(mix, 0), 0.5);
  EXPECT_NEAR(CheckoutShare(mix, mix.period_s / 4), 0.7, 1e-9);
  EXPECT_NEAR(CheckoutShare(mix, mix.period_s * 3 / 4), 0.3, 1e-9);
  EXPECT_NEAR(CheckoutShare(mix, mix.period_s), 0.5, 1e-9);
}

TEST(MixTest, RoutesShareTheUnitInterval) {
  const Mix mix;
  EXPECT_EQ(PickRoute(mix, 0, 0.0), Route::kCheckout);
  EXPECT_EQ(PickRoute(mix, 0, 0.49), Route::kCheckout);
  EXPECT_EQ(PickRoute(mix, 0, 0.51), Route::kSearch);
  EXPECT_EQ(PickRoute(mix, 0, 0.89), Route::kSearch);
  EXPECT_EQ(PickRoute(mix, 0, 0.91), Route::kHealth);
}

}  // namespace
}  // namespace load
