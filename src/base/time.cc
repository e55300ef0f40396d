#include "base/time.h"

#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>

namespace tidemark {
namespace {

// Reads `digits` decimal digits at `pos`, or -1.
int Digits(std::string_view text, size_t pos, size_t digits) {
  if (pos + digits > text.size()) return -1;
  int value = 0;
  for (size_t i = pos; i < pos + digits; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

// Offset in seconds of "Z", "+hh:mm" or "-hh:mm"; false when it is none of them.
bool ParseOffset(std::string_view text, int64_t* seconds) {
  if (text == "Z" || text == "z") return *seconds = 0, true;
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') return false;
  const int hours = Digits(text, 1, 2);
  const int minutes = Digits(text, 4, 2);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return false;
  *seconds = (hours * 60 + minutes) * 60 * (text[0] == '-' ? -1 : 1);
  return true;
}

}  // namespace

int64_t WallClockNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

int64_t SteadyClockNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

std::string FormatRfc3339(int64_t time_ns) {
  using namespace std::chrono;
  const sys_time<milliseconds> time{floor<milliseconds>(nanoseconds{time_ns})};
  const auto day = floor<days>(time);
  const year_month_day date{day};
  const hh_mm_ss clock{time - day};
  char text[40];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", int{date.year()},
                unsigned{date.month()}, unsigned{date.day()}, int(clock.hours().count()),
                int(clock.minutes().count()), int(clock.seconds().count()),
                int(clock.subseconds().count()));
  return text;
}

Result<int64_t> ParseTime(std::string_view text) {
  using namespace std::chrono;
  const Error bad = InvalidArgument("time '" + std::string(text) +
                                    "': expected RFC 3339 (2026-01-02T03:04:05Z) or epoch seconds");
  double epoch_seconds = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), epoch_seconds);
  if (status == std::errc() && end == text.data() + text.size()) {
    if (!std::isfinite(epoch_seconds) || std::abs(epoch_seconds) > 9e9) return bad;
    return static_cast<int64_t>(epoch_seconds * 1e9);
  }
  const int year_value = Digits(text, 0, 4);
  if (text.size() < 20 || year_value < 1678 || year_value > 2261 || text[4] != '-' ||
      text[7] != '-' || (text[10] != 'T' && text[10] != 't' && text[10] != ' ') ||
      text[13] != ':' || text[16] != ':') {
    return bad;
  }
  const year_month_day date{year{year_value}, month{unsigned(Digits(text, 5, 2))},
                            day{unsigned(Digits(text, 8, 2))}};
  const int h = Digits(text, 11, 2), m = Digits(text, 14, 2), s = Digits(text, 17, 2);
  if (!date.ok() || h < 0 || h > 23 || m < 0 || m > 59 || s < 0 || s > 60) return bad;
  size_t pos = 19;
  int64_t fraction_ns = 0;
  if (text[pos] == '.') {
    int64_t unit = kNsPerSecond / 10;
    for (++pos; pos < text.size() && text[pos] >= '0' && text[pos] <= '9'; ++pos, unit /= 10) {
      fraction_ns += (text[pos] - '0') * unit;
    }
  }
  int64_t offset_s = 0;
  if (!ParseOffset(text.substr(pos), &offset_s)) return bad;
  const int64_t days_s = sys_days{date}.time_since_epoch().count() * int64_t{86400};
  return (days_s + h * 3600 + m * 60 + s - offset_s) * kNsPerSecond + fraction_ns;
}

Result<int64_t> ParseDuration(std::string_view text) {
  struct Unit {
    std::string_view name;
    int64_t ns;
  };
  static constexpr Unit kUnits[] = {
      {"ms", 1'000'000},
      {"s", kNsPerSecond},
      {"m", kNsPerMinute},
      {"h", kNsPerHour},
      {"d", 24 * kNsPerHour},
      {"w", 7 * 24 * kNsPerHour},
      {"y", 365 * 24 * kNsPerHour},
  };
  const Error bad = InvalidArgument("duration '" + std::string(text) +
                                    "': expected for example 30s, 5m or 1h30m");
  int64_t total = 0;
  std::string_view rest = text;
  while (!rest.empty()) {
    int64_t number = 0;
    const auto [end, status] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    if (status != std::errc() || number < 0) return bad;
    rest.remove_prefix(end - rest.data());
    const Unit* found = nullptr;
    for (const Unit& unit : kUnits) {
      if (rest.starts_with(unit.name)) {
        found = &unit;
        break;
      }
    }
    int64_t part = 0;
    if (found == nullptr || __builtin_mul_overflow(number, found->ns, &part) ||
        __builtin_add_overflow(total, part, &total)) {
      return bad;
    }
    rest.remove_prefix(found->name.size());
  }
  if (text.empty()) return bad;
  return total;
}

}  // namespace tidemark
