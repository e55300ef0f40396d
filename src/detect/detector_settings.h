// The constants of the metric level. Tuned by the reference experiments on corpora seeds 1-5 and
// 11-14 only; scores on others: docs/detection.md. A block is 5 minutes of event time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace tidemark::detector {

inline constexpr double kMiB = 1 << 20;
inline constexpr int64_t kBlockS = 300;
inline constexpr double kLateS = 60;       // a block is judged this long after its end
inline constexpr double kMaxJumpS = 3600;  // one point cannot move the watermark further
inline constexpr int kAheadQuorum = 20;    // points more than those on time can
inline constexpr int kBehindQuorum = 500;  // the same an hour behind: the watermark was wrong
inline constexpr double kBlocksPerHour = 12;
inline constexpr size_t kRingBlocks = 288;  // 24 h of pooled path and of each instance
inline constexpr size_t kMaxTroughs = 64;   // of one instance
inline constexpr double kQuietS = 7200;  // an incident closes after this long without confirmation
inline constexpr int kConfirmations = 2;

// Blocks of instances.
inline constexpr size_t kFullBlock = 20;  // heap points at 10 s that make a block (of 30) ...
inline constexpr double kFullShare =
    0.67;  // ... and the share of those due at slower cadences, at least 3
inline constexpr size_t kMinRssPoints =
    5;  // where RSS was ever seen; at slower cadences half of the heap's
inline constexpr double kSettleS = 2400;  // growth this soon after a restart is not credited
inline constexpr double kSettleFirstS =
    600;  // the same for the cohort that starts with its version
inline constexpr double kGcRoughness =
    0.06;  // (max - min) / min in a block, above which a runtime collects garbage
inline constexpr double kCollectionDrop =
    0.12;  // a collection: the level falls by this share below two blocks before

// Windows that end now, blocks: 25 min to 20 h.
inline constexpr std::array<int, 18> kWindows{5,  6,  8,  10, 12, 15,  18,  24,  30,
                                              36, 48, 60, 72, 96, 120, 144, 192, 240};
inline constexpr size_t kHistoryBlocks = 96;  // used before a window

// Significance, saturation, materiality.
inline constexpr double kMinZ = 5.0;
inline constexpr double kMinLateZ = 2.5;  // of the second half's slope
inline constexpr double kMinContrastMature = 1.0, kMinContrastCold = 2.2;
inline constexpr double kMinSuffixContrast = 0.0, kMinSuffixLateZ = 0.7;
inline constexpr double kJumpShare = 0.15;  // of the growth, that one jump of 10 min may carry
inline constexpr double kStairShare = 0.7;  // of the growth, that its two largest jumps may carry
inline constexpr double kTauMatureS = 2400, kTauColdS = 9000;  // slowest credible saturation
inline constexpr double kMinRelPerHour = 0.006, kMinGrowthShare = 0.012;
inline constexpr double kMinBytesPerHour = 1.5 * kMiB;
inline constexpr double kNoiseFloor = 0.0010;  // of the level, one block
inline constexpr double kWander =
    0.004;  // of the level: slow wander that a short record cannot show
inline constexpr double kElasticity = 0.6, kElasticityFitted = 0.25, kLoadRise = 0.10;

// Waiting rules for services not seen before, blocks.
inline constexpr int kGcSeen = 18, kGcCleared = 60, kColdWindow = 20, kNativeWindow = 12;

// Channels.
inline constexpr double kRssMinZ = 6.0, kRssMinRelPerHour = 0.035;
inline constexpr int kRssWindow = 8, kRssColdWindow = 18;
inline constexpr int kSpanWindow = 24;
inline constexpr double kSpanMinContrast = 5.0, kSpanMinRelPerHour = 0.10;

// Post-collection troughs and single pods.
inline constexpr std::array<int, 11> kTroughWindows{18, 24, 30, 36, 48, 60, 72, 96, 144, 192, 288};
inline constexpr double kTroughMinRelPerHour = 0.012, kTroughMinGrowthShare = 0.04;
inline constexpr double kPodMinZ = 7.5, kPodMinRelPerHour = 0.045, kPodMinGrowthShare = 0.09;
inline constexpr double kGrowingShare = 0.6;  // of the instances must grow

}  // namespace tidemark::detector
