// The first look into a dump: classes and names, and how objects lie in memory. It ends as soon as
// every class that was loaded is known and enough neighbours were seen, which in HotSpot's dumps is
// after a few megabytes.
#pragma once

#include "base/byte_source.h"
#include "hprof/dump_index.h"
#include "hprof/object_layout.h"

namespace tidemark::hprof {

struct PrescanResult {
  uint64_t end = 0;  // offset: the index holds everything that comes before
  LayoutModel layout;
};

// `cursor` stands behind the header. At most to about `max_offset`. Damage ends it, without an
// error: the reading that follows finds it again. Errors: the source's.
Result<PrescanResult> Prescan(ByteCursor& cursor, uint64_t max_offset, DumpIndex& index);

}  // namespace tidemark::hprof
