// Which route comes next. The share of checkouts swings, so that what grows can be told from what
// merely happens: memory that follows the checkouts is theirs.
#pragma once

#include <cstdint>

namespace load {

enum class Route : uint8_t { kCheckout, kSearch, kHealth };

struct Mix {
  double checkout_mean = 0.5, checkout_swing = 0.2;  // 30 to 70 %
  double period_s = 20;
  double search_share = 0.8;  // of what is no checkout; the rest asks for health
};

// The share of checkouts `seconds` after the start.
double CheckoutShare(const Mix& mix, double seconds);

// The route for a number drawn evenly from [0, 1).
Route PickRoute(const Mix& mix, double seconds, double drawn);

}  // namespace load
