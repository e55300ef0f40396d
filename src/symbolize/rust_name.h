// Names of Rust functions, of both manglings.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tidemark {

// "_RNvC4shop4keep" -> "shop::keep": the "v0" mangling (RFC 2603, and the rustc book's chapter
// "v0 Symbol Format"), which rustc 1.95 writes by default. Without crate hashes. Nothing when it is
// no such name, or one that nests deeper than 128 or grows longer than 4 KiB.
std::optional<std::string> DemangleRustV0(std::string_view mangled);

// "shop::keep$LT$T$GT$::h0123456789abcdef" -> "shop::keep<T>": what the older mangling leaves once
// it has been demangled as C++. Nothing when the hash is missing.
std::optional<std::string> DecodeRustLegacy(std::string_view demangled);

}  // namespace tidemark
