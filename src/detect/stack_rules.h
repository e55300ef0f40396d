// The rules that a stack's path must pass to count as growing without end. docs/detection.md,
// section 2.
#pragma once

#include <optional>

#include "detect/stack_growth.h"
#include "detect/stack_path.h"

namespace tidemark {

// Judges one path. nullopt: it fails a rule on every window tried. The answer has no stack id,
// share or instances yet, and growth_bytes is the mean of one instance.
//
// Windows: from the most likely onset (the hinge a + b max(0, t - t0) that leaves least residue) to
// the newest profile, then later beginnings (1/4, 1/2, 2/3, 3/4 of the way), since a warm-up may
// come before a leak.
//
// Every window: at least 6 profiles, 25 s (slow: 20 and 10 min); slope z >= 5, its error counting
// residuals and sampling; growth >= 24 MiB (slow: 16 MiB), >= 6 sampling errors, >= 5 % a minute
// (slow: 3 % in all) of what else the process has in use; no interval carries over 40 % and the
// growth is spread over at least 3.5 of them, as their effective number goes, and 30 % (slow: 10
// %); second half's slope >= 0.6 of the first's (slow: above what the slowest credible saturation,
// tau = 9000 s, leaves, by 2 standard errors); the newest fifth still grows; retained share >= 0.7
// where known; 1.5 times more than the stack ever gave back before. Fast also needs a
// RequestEvidence.
//
// confidence = cap (1 - exp(-z/4)) (1 - exp(-T/15 s)), cap 0.98 for bytes of ended spans, 0.92 for
// bytes per request, and 0.95 (1 - exp(-z/4)) for slow. 40 s at z = 12 of ended spans: 0.98 * 0.95
// * 0.80 = 0.74.
std::optional<GrowingStack> JudgeStackPath(const StackPath& path);

// Slope of the path from `from_ns` on by least squares, bytes per second; 0 with under 3 profiles
// there.
double SlopeSince(const StackPath& path, int64_t from_ns);

}  // namespace tidemark
