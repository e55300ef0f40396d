// Numbers and names as a report shows them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark {

// "1,166,464".
std::string FormatCount(uint64_t count);
// "92 %", "4.3 %", "under 0.1 %", "-"; of nothing it is "-".
std::string FormatShare(uint64_t part, uint64_t whole);
// "0x4a3f20", or of what is an identity and no place "@6047", as DevTools writes it; "0x0" = none.
std::string FormatAddress(uint64_t address, bool is_id);
// "+1.20 MiB", "-3 B".
std::string FormatChange(int64_t bytes);

// `text` with what a terminal or a sentence must not see (control characters, broken UTF-8)
// replaced by '?', and cut in the middle to `max_bytes`.
std::string Presentable(std::string_view text, size_t max_bytes = 200);

// "a -> b -> c"; the middle is left out where it would be longer than `max_bytes`.
std::string JoinChain(const std::vector<std::string>& chain, size_t max_bytes = 400);

// `text` in lines of at most `width` columns, each after the first with `indent` spaces before it;
// the spaces that it begins with stay. A word longer than a line stands alone.
std::string WrapText(std::string_view text, size_t width, size_t indent = 0);

}  // namespace tidemark
