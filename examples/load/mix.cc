#include "mix.h"

#include <cmath>
#include <numbers>

namespace load {

double CheckoutShare(const Mix& mix, double seconds) {
  return mix.checkout_mean +
         mix.checkout_swing * std::sin(2 * std::numbers::pi * seconds / mix.period_s);
}

Route PickRoute(const Mix& mix, double seconds, double drawn) {
  const double checkout = CheckoutShare(mix, seconds);
  if (drawn < checkout) return Route::kCheckout;
  return drawn < checkout + (1 - checkout) * mix.search_share ? Route::kSearch : Route::kHealth;
}

}  // namespace load
