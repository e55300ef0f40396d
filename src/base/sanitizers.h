// Whether a sanitizer's runtime is in this program, for tests of memory: its shadow is resident too
// and grows with what is touched, and its allocator stands in for glibc's.
#pragma once

namespace tidemark {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#elif defined(__has_feature)
inline constexpr bool kSanitized =
    __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace tidemark
