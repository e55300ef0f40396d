// What a process allocated and kept between two of its profiles.
#pragma once

#include "model/profile.h"

namespace tidemark {

// `now` less `base`, sample by sample (same addresses, same labels); values may be negative,
// samples of zeros are left out. Both are of one process and have the same sample types.
Profile ProfileDelta(const Profile& now, const Profile& base);

}  // namespace tidemark
