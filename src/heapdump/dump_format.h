// Which format a dump has, told by its first bytes.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "heapdump/open_dump.h"

namespace tidemark {

// As many bytes as DetectDumpFormat wants to see.
inline constexpr size_t kDumpMagicBytes = 64;

std::optional<DumpFormat> DetectDumpFormat(std::span<const std::byte> beginning);

// "not a heap dump: begins with 50 4b 03 04 "PK.."; known are ...".
std::string UnknownDumpMessage(std::span<const std::byte> beginning);

}  // namespace tidemark
