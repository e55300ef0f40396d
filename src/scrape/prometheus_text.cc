#include "scrape/prometheus_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <system_error>

#include "base/time.h"
#include "scrape/labels.h"
#include "scrape/text_cursor.h"

namespace tidemark {
namespace {

constexpr int64_t kOldestNs = kNsPerHour;
constexpr int64_t kNewestNs = 10 * kNsPerMinute;
constexpr size_t kCreatedLookBack =
    4;  // _created follows _total, or _sum and _count, of the same labels

enum class FamilyType : uint8_t {
  kUntyped,
  kCounter,
  kGauge,
  kHistogram,
  kGaugeHistogram,
  kSummary,
  kInfo,
  kStateSet
};

constexpr std::pair<std::string_view, FamilyType> kTypes[] = {
    {"counter", FamilyType::kCounter},
    {"gauge", FamilyType::kGauge},
    {"histogram", FamilyType::kHistogram},
    {"summary", FamilyType::kSummary},
    {"untyped", FamilyType::kUntyped},
    {"unknown", FamilyType::kUntyped},
    {"info", FamilyType::kInfo},
    {"stateset", FamilyType::kStateSet},
    {"gaugehistogram", FamilyType::kGaugeHistogram},
};

// What a sample is within its family.
enum class Role : uint8_t { kLevel, kCumulative, kDistribution, kCreated };

struct Family {
  std::string name;
  FamilyType type = FamilyType::kUntyped;
  std::string unit;
  size_t first_point = 0;
};

struct Sample {
  std::string name;
  Attributes labels;  // as written, then sorted
  double value = 0;
  int64_t time_ns = 0;
  bool has_time = false;
};

// RFC 3629, without surrogates and overlong forms.
bool IsUtf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    auto byte = static_cast<unsigned char>(text[i]);
    size_t more = byte < 0x80                   ? 0
                  : byte >= 0xC2 && byte < 0xE0 ? 1
                  : byte >= 0xE0 && byte < 0xF0 ? 2
                  : byte >= 0xF0 && byte < 0xF5 ? 3
                                                : 9;
    if (more == 9 || text.size() - i <= more) return false;
    for (size_t k = 1; k <= more; ++k) {
      if ((static_cast<unsigned char>(text[i + k]) & 0xC0) != 0x80) return false;
    }
    auto second = more > 0 ? static_cast<unsigned char>(text[i + 1]) : 0;
    if ((byte == 0xE0 && second < 0xA0) || (byte == 0xED && second > 0x9F) ||
        (byte == 0xF0 && second < 0x90) || (byte == 0xF4 && second > 0x8F)) {
      return false;
    }
    i += more + 1;
  }
  return true;
}

// Go's float syntax as far as exporters use it: decimal, scientific, hexadecimal, NaN and Inf in
// any case, one sign.
bool ParseFloat(std::string_view text, double* value) {
  bool negative = !text.empty() && text.front() == '-';
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) text.remove_prefix(1);
  if (text.empty() || text.front() == '-' || text.front() == '+') return false;
  auto format = std::chars_format::general;
  if (text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
    format = std::chars_format::hex;
    text.remove_prefix(2);
  }
  auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), *value, format);
  if (ec != std::errc() || end != text.data() + text.size()) return false;
  if (negative) *value = -*value;
  return true;
}

bool HasSuffix(std::string_view text, std::string_view base, std::string_view suffix) {
  return text.size() == base.size() + suffix.size() && text.substr(0, base.size()) == base &&
         text.substr(base.size()) == suffix;
}

class PageParser {
 public:
  PageParser(TextFormat format, const TextOptions& options)
      : open_metrics_(format == TextFormat::kOpenMetrics), options_(options) {}

  Result<MetricsPage> Parse(std::string_view page) {
    while (!page.empty()) {
      ++line_;
      size_t end = page.find('\n');
      std::string_view line = page.substr(0, end);
      page.remove_prefix(end == std::string_view::npos ? page.size() : end + 1);
      if (seen_eof_) return Wrong("something after # EOF");
      TIDEMARK_RETURN_IF_ERROR(ParseLine(line));
    }
    if (open_metrics_ && !seen_eof_) return Wrong("the page is cut off: no # EOF");
    return std::move(page_);
  }

 private:
  Error Wrong(const std::string& what) const {
    return InvalidArgument("line " + std::to_string(line_) + ": " + what);
  }
  // Pieces of input go into messages shortened, they may be anything.
  static std::string Quote(std::string_view text) {
    return "'" + std::string(text.substr(0, 80)) + "'";
  }

  Result<void> ParseLine(std::string_view line) {
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    TextCursor cursor(line);
    cursor.SkipBlanks();
    if (cursor.AtEnd()) {
      if (open_metrics_) return Wrong("blank lines are not allowed in OpenMetrics");
      return {};
    }
    if (cursor.Peek() == '#') return ParseComment(cursor);
    if (++page_.samples > options_.limits.max_samples) {
      return TooLarge("line " + std::to_string(line_) + ": more than " +
                      std::to_string(options_.limits.max_samples) + " samples");
    }
    Sample sample;
    TIDEMARK_RETURN_IF_ERROR(ParseSample(&cursor, &sample));
    return Keep(&sample);
  }

  Result<void> ParseComment(TextCursor cursor) {
    if (open_metrics_ && cursor.rest() == "# EOF") {
      seen_eof_ = true;
      return {};
    }
    cursor.Take('#');
    cursor.SkipBlanks();
    std::string_view keyword = cursor.TakeWord();
    if (keyword != "TYPE" && keyword != "UNIT" && keyword != "HELP") {
      if (open_metrics_)
        return Wrong("comment " + Quote(keyword) + " is none of TYPE, UNIT, HELP, EOF");
      return {};
    }
    cursor.SkipBlanks();
    std::string name;
    if (cursor.Peek() == '"') {
      if (!cursor.TakeQuoted(&name)) return Wrong("a quoted name that does not end");
    } else {
      name = cursor.TakeWord();
      if (!IsMetricName(name)) return Wrong(Quote(name) + " is not a metric name");
    }
    if (!IsUtf8(name) || name.size() > options_.limits.max_label_bytes)
      return Wrong("bad metric name");
    if (name != family_.name) family_ = Family{name, FamilyType::kUntyped, "", page_.points.size()};
    cursor.SkipBlanks();
    if (keyword == "TYPE") return ParseType(cursor.TakeWord());
    if (keyword == "UNIT" && open_metrics_) family_.unit = UcumOf(cursor.TakeWord());
    return {};
  }

  Result<void> ParseType(std::string_view word) {
    for (const auto& [name, type] : kTypes) {
      if (word == name) {
        family_.type = type;
        return {};
      }
    }
    return Wrong("unknown type " + Quote(word) + " of " + Quote(family_.name));
  }

  static std::string UcumOf(std::string_view unit) {
    if (unit == "bytes") return "By";
    if (unit == "seconds") return "s";
    if (unit == "ratio") return "1";
    return IsLabelName(unit) ? std::string(unit) : "";
  }

  Result<void> ParseSample(TextCursor* cursor, Sample* sample) {
    if (cursor->Peek() != '{') {
      std::string_view name = cursor->TakeName();
      if (!IsMetricName(name))
        return Wrong(Quote(cursor->AtEnd() ? name : std::string(name)) + " is not a metric name");
      if (name.size() > options_.limits.max_label_bytes) return Wrong("a metric name is too long");
      sample->name = name;
    }
    cursor->SkipBlanks();
    if (cursor->Take('{')) TIDEMARK_RETURN_IF_ERROR(ParseLabels(cursor, sample));
    if (sample->name.empty()) return Wrong("a sample without a name");
    cursor->SkipBlanks();
    std::string_view value = cursor->TakeWord();
    if (!ParseFloat(value, &sample->value))
      return Wrong(Quote(value) + " is not a value of " + Quote(sample->name));
    cursor->SkipBlanks();
    if (!cursor->AtEnd() && cursor->Peek() != '#')
      TIDEMARK_RETURN_IF_ERROR(ParseTimestamp(cursor->TakeWord(), sample));
    cursor->SkipBlanks();
    if (open_metrics_ && cursor->Take('#')) TIDEMARK_RETURN_IF_ERROR(ParseExemplar(cursor));
    cursor->SkipBlanks();
    if (!cursor->AtEnd())
      return Wrong("unexpected " + Quote(cursor->rest()) + " after " + Quote(sample->name));
    return {};
  }

  // After the opening brace. A quoted text without '=' is the metric's name.
  Result<void> ParseLabels(TextCursor* cursor, Sample* sample) {
    while (true) {
      cursor->SkipBlanks();
      if (cursor->Take('}')) break;
      std::string name, value;
      bool quoted = cursor->Peek() == '"';
      if (quoted) {
        if (!cursor->TakeQuoted(&name)) return Wrong("a quoted name that does not end");
      } else {
        name = cursor->TakeName();
        if (!IsLabelName(name)) return Wrong(Quote(name) + " is not a label name");
      }
      cursor->SkipBlanks();
      if (cursor->Take('=')) {
        cursor->SkipBlanks();
        if (!cursor->TakeQuoted(&value))
          return Wrong("label " + Quote(name) + " wants a value in quotes");
        TIDEMARK_RETURN_IF_ERROR(AddLabel(std::move(name), std::move(value), sample));
      } else if (quoted && sample->name.empty() && !name.empty()) {
        if (!IsUtf8(name) || name.size() > options_.limits.max_label_bytes)
          return Wrong("bad metric name");
        sample->name = std::move(name);
      } else {
        return Wrong("label " + Quote(name) + " has no value");
      }
      cursor->SkipBlanks();
      if (cursor->Take(',')) continue;
      if (cursor->Take('}')) break;
      return Wrong("expected , or } but found " + Quote(cursor->rest()));
    }
    std::sort(sample->labels.begin(), sample->labels.end());
    auto same_name = [](const auto& a, const auto& b) { return a.first == b.first; };
    auto twice = std::adjacent_find(sample->labels.begin(), sample->labels.end(), same_name);
    if (twice != sample->labels.end())
      return Wrong("label " + Quote(twice->first) + " is given twice");
    std::erase_if(sample->labels, [](const auto& label) { return label.second.empty(); });
    return {};
  }

  Result<void> AddLabel(std::string name, std::string value, Sample* sample) {
    const TextLimits& limits = options_.limits;
    if (name.empty() || name == kMetricNameLabel)
      return Wrong(Quote(name) + " is not a label name");
    if (!IsUtf8(name) || !IsUtf8(value))
      return Wrong("label " + Quote(IsUtf8(name) ? name : "?") + " is not UTF-8");
    if (sample->labels.size() >= limits.max_labels) {
      return TooLarge("line " + std::to_string(line_) + ": more than " +
                      std::to_string(limits.max_labels) + " labels");
    }
    if (name.size() > limits.max_label_bytes || value.size() > limits.max_label_bytes) {
      return TooLarge("line " + std::to_string(line_) + ": label " + Quote(name) +
                      " is longer than " + std::to_string(limits.max_label_bytes) + " bytes");
    }
    sample->labels.emplace_back(std::move(name), std::move(value));
    return {};
  }

  // Whole milliseconds in Prometheus text, seconds with fraction in OpenMetrics.
  Result<void> ParseTimestamp(std::string_view word, Sample* sample) {
    double seconds = 0;
    if (open_metrics_) {
      if (!ParseFloat(word, &seconds)) return Wrong(Quote(word) + " is not a timestamp");
    } else {
      int64_t milliseconds = 0;
      auto [end, ec] = std::from_chars(word.data(), word.data() + word.size(), milliseconds);
      if (ec != std::errc() || end != word.data() + word.size())
        return Wrong(Quote(word) + " is not a timestamp");
      seconds = static_cast<double>(milliseconds) / 1000;
      if (std::abs(seconds) < 9e9) sample->time_ns = milliseconds * 1'000'000;
    }
    if (!(std::abs(seconds) < 9e9)) return Wrong("timestamp " + Quote(word) + " is out of range");
    if (open_metrics_) sample->time_ns = static_cast<int64_t>(seconds * 1e9);
    sample->has_time = true;
    return {};
  }

  // After the '#': {labels} value [timestamp]; checked and dropped.
  Result<void> ParseExemplar(TextCursor* cursor) {
    Sample exemplar;
    exemplar.name = "exemplar";
    cursor->SkipBlanks();
    if (!cursor->Take('{')) return Wrong("an exemplar without labels");
    TIDEMARK_RETURN_IF_ERROR(ParseLabels(cursor, &exemplar));
    cursor->SkipBlanks();
    std::string_view value = cursor->TakeWord();
    if (!ParseFloat(value, &exemplar.value))
      return Wrong(Quote(value) + " is not an exemplar's value");
    cursor->SkipBlanks();
    if (!cursor->AtEnd()) return ParseTimestamp(cursor->TakeWord(), &exemplar);
    return {};
  }

  Role RoleOf(const Sample& sample) const {
    std::string_view name = sample.name, family = family_.name;
    auto is = [&](std::string_view suffix) { return HasSuffix(name, family, suffix); };
    auto has = [&](std::string_view label) { return !LabelOr(sample.labels, label).empty(); };
    switch (family_.type) {
      case FamilyType::kCounter:
        if (name == family || is("_total")) return Role::kCumulative;
        return is("_created") ? Role::kCreated : Role::kLevel;
      case FamilyType::kHistogram:
      case FamilyType::kSummary:
        if (is("_bucket") || (name == family && has("quantile"))) return Role::kDistribution;
        if (is("_sum") || is("_count")) return Role::kCumulative;
        return is("_created") ? Role::kCreated : Role::kLevel;
      case FamilyType::kGaugeHistogram:
        return is("_bucket") ? Role::kDistribution : Role::kLevel;
      default:
        return Role::kLevel;
    }
  }

  Result<void> Keep(Sample* sample) {
    Role role = RoleOf(*sample);
    if (role == Role::kCreated) {
      SetStart(*sample);
      return {};
    }
    if (role == Role::kDistribution) return ++page_.distributions, Result<void>();
    if (options_.keep && !options_.keep(sample->name)) return {};
    if (!std::isfinite(sample->value)) return ++page_.not_finite, Result<void>();
    Point point;
    point.time_ns = options_.scrape_time_ns;
    if (sample->has_time && options_.honor_timestamps) {
      point.time_ns = sample->time_ns;
      bool sound = point.time_ns >= options_.scrape_time_ns - kOldestNs &&
                   point.time_ns <= options_.scrape_time_ns + kNewestNs;
      if (!sound) return ++page_.out_of_bounds, Result<void>();
    }
    bool in_family = sample->name.starts_with(family_.name);
    point.unit = in_family ? family_.unit : "";
    point.metric = std::move(sample->name);
    point.attributes = std::move(sample->labels);
    point.kind = role == Role::kCumulative ? PointKind::kCounter : PointKind::kGauge;
    point.value = sample->value;
    page_.points.push_back(std::move(point));
    return {};
  }

  // foo_created {labels} seconds: when the counting of foo_total, or foo_sum and foo_count, began.
  void SetStart(const Sample& created) {
    if (!(created.value > 0) || created.value > 9e9) return;
    size_t first = std::max(family_.first_point,
                            page_.points.size() - std::min(page_.points.size(), kCreatedLookBack));
    for (size_t i = first; i < page_.points.size(); ++i) {
      Point& point = page_.points[i];
      if (point.kind == PointKind::kCounter && point.attributes == created.labels) {
        point.start_ns = static_cast<int64_t>(created.value * 1e9);
      }
    }
  }

  const bool open_metrics_;
  const TextOptions& options_;
  MetricsPage page_;
  Family family_;
  uint64_t line_ = 0;
  bool seen_eof_ = false;
};

}  // namespace

TextFormat TextFormatOf(std::string_view content_type) {
  return content_type.starts_with("application/openmetrics-text") ? TextFormat::kOpenMetrics
                                                                  : TextFormat::kPrometheus;
}

Result<MetricsPage> ParseMetricsPage(std::string_view page, TextFormat format,
                                     const TextOptions& options) {
  return PageParser(format, options).Parse(page);
}

}  // namespace tidemark
