// Numbers as people read them.
#pragma once

#include <cstdint>
#include <string>

namespace tidemark {

// "1.40 GiB", "12.0 KiB", "-3 B": three significant digits, binary units.
std::string FormatBytes(double bytes);

// "42 s", "3 min 20 s", "2.5 h", "4 days".
std::string FormatSpanOfTime(int64_t duration_ns);

}  // namespace tidemark
