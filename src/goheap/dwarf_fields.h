// Offsets of the Go runtime's own fields, out of an executable's DWARF.
#pragma once

#include <map>
#include <span>
#include <string>

#include "goheap/runtime_layout.h"
#include "symbolize/elf_file.h"

namespace tidemark::goheap {

// Fields of the structs of package runtime: "runtime.mspan" -> "freeindex" -> its place.
using RuntimeFields = std::map<std::string, std::map<std::string, FieldPlace>, std::less<>>;

// Of the struct types that `wanted` names. Empty when the file has no DWARF (go build -ldflags=-w).
// DWARF 4 and 5, compressed or not.
RuntimeFields ReadRuntimeFields(const ElfFile& file, std::span<const std::string_view> wanted);

}  // namespace tidemark::goheap
