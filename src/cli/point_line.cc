#include "cli/point_line.h"

#include <charconv>
#include <cstdint>
#include <cstring>
#include <optional>
#include <utility>

namespace tidemark {
namespace {

constexpr int kMaxDepth = 8;
constexpr size_t kShownBytes = 60;

std::string Shown(std::string_view text) {
  return std::string(text.substr(0, kShownBytes)) + (text.size() > kShownBytes ? "…" : "");
}

// Reads forward only; every method returns false without moving past the end.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  size_t at() const { return at_; }
  std::string_view rest() const { return text_.substr(at_); }

  void SkipSpace() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\r' || text_[at_] == '\n')) {
      ++at_;
    }
  }

  bool Take(char c) {
    SkipSpace();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  bool Peek(char c) {
    SkipSpace();
    return at_ < text_.size() && text_[at_] == c;
  }

  bool Done() {
    SkipSpace();
    return at_ == text_.size();
  }

  // A JSON string; `scratch` is used only when it has escapes.
  bool String(std::string_view& value, std::string& scratch) {
    if (!Take('"')) return false;
    const size_t begin = at_;
    for (; at_ < text_.size(); ++at_) {
      const auto c = static_cast<unsigned char>(text_[at_]);
      if (c == '"') {
        value = text_.substr(begin, at_++ - begin);
        return true;
      }
      if (c == '\\') return EscapedString(begin, value, scratch);
      if (c < 0x20) return false;
    }
    return false;
  }

  bool Number(double& value) {
    SkipSpace();
    const char* begin = text_.data() + at_;
    const char* end = text_.data() + text_.size();
    if (begin == end || !(*begin == '-' || (*begin >= '0' && *begin <= '9'))) return false;
    const auto [stop, error] = std::from_chars(begin, end, value);
    if (error != std::errc()) return false;
    at_ += static_cast<size_t>(stop - begin);
    return true;
  }

  // Any JSON value; objects and arrays to kMaxDepth.
  bool SkipValue(std::string& scratch, int depth = 0) {
    SkipSpace();
    if (at_ >= text_.size() || depth > kMaxDepth) return false;
    std::string_view ignored;
    double number = 0;
    switch (text_[at_]) {
      case '"':
        return String(ignored, scratch);
      case '{':
        return SkipMembers('}', true, scratch, depth);
      case '[':
        return SkipMembers(']', false, scratch, depth);
      default:
        return Literal("true") || Literal("false") || Literal("null") || Number(number);
    }
  }

 private:
  bool Literal(std::string_view word) {
    if (!rest().starts_with(word)) return false;
    at_ += word.size();
    return true;
  }

  bool SkipMembers(char close, bool keyed, std::string& scratch, int depth) {
    ++at_;
    if (Take(close)) return true;
    do {
      std::string_view key;
      if (keyed && !(String(key, scratch) && Take(':'))) return false;
      if (!SkipValue(scratch, depth + 1)) return false;
    } while (Take(','));
    return Take(close);
  }

  bool EscapedString(size_t begin, std::string_view& value, std::string& scratch) {
    scratch.assign(text_.substr(begin, at_ - begin));
    while (at_ < text_.size()) {
      const auto c = static_cast<unsigned char>(text_[at_++]);
      if (c == '"') {
        value = scratch;
        return true;
      }
      if (c < 0x20) return false;
      if (c != '\\') {
        scratch.push_back(static_cast<char>(c));
      } else if (!Escape(scratch)) {
        return false;
      }
    }
    return false;
  }

  bool Escape(std::string& out) {
    if (at_ >= text_.size()) return false;
    const char c = text_[at_++];
    static constexpr std::string_view kFrom = "\"\\/bfnrt", kTo = "\"\\/\b\f\n\r\t";
    if (const size_t i = kFrom.find(c); i != std::string_view::npos) {
      out.push_back(kTo[i]);
      return true;
    }
    uint32_t code = 0;
    if (c != 'u' || !Hex4(code)) return false;
    if (code >= 0xd800 && code < 0xdc00) {  // a pair of surrogates stands for one code point
      uint32_t low = 0;
      if (!rest().starts_with("\\u")) return false;
      at_ += 2;
      if (!Hex4(low) || low < 0xdc00 || low > 0xdfff) return false;
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    } else if (code >= 0xdc00 && code < 0xe000) {
      return false;
    }
    AppendUtf8(code, out);
    return true;
  }

  bool Hex4(uint32_t& code) {
    if (text_.size() - at_ < 4) return false;
    const char* begin = text_.data() + at_;
    const auto [stop, error] = std::from_chars(begin, begin + 4, code, 16);
    if (error != std::errc() || stop != begin + 4) return false;
    at_ += 4;
    return true;
  }

  static void AppendUtf8(uint32_t code, std::string& out) {
    const auto tail = [&](int shift) {
      out.push_back(static_cast<char>(0x80 | ((code >> shift) & 0x3f)));
    };
    if (code < 0x80) {
      out.push_back(static_cast<char>(code));
    } else if (code < 0x800) {
      out.push_back(static_cast<char>(0xc0 | (code >> 6)));
      tail(0);
    } else if (code < 0x10000) {
      out.push_back(static_cast<char>(0xe0 | (code >> 12)));
      tail(6);
      tail(0);
    } else {
      out.push_back(static_cast<char>(0xf0 | (code >> 18)));
      tail(12);
      tail(6);
      tail(0);
    }
  }

  std::string_view text_;
  size_t at_ = 0;
};

std::optional<MetricKind> ReadMetric(std::string_view name) {
  if (name == "heap") return MetricKind::kHeap;
  if (name == "rss") return MetricKind::kRss;
  if (name == "limit") return MetricKind::kLimit;
  if (name == "active_spans") return MetricKind::kActiveSpans;
  if (name == "req_rate") return MetricKind::kReqRate;
  return std::nullopt;
}

enum Field : unsigned {
  kT = 1,
  kService = 2,
  kVersion = 4,
  kInstance = 8,
  kMetric = 16,
  kValue = 32,
  kAll = 63
};

struct Fields {
  MetricPoint point;
  std::string_view metric;
  unsigned seen = 0;
};

// The value of `key`; false: it is of the wrong type.
bool ReadField(Cursor& cursor, std::string_view key, Fields& fields, PointLineScratch& scratch) {
  const auto text = [&](Field field, std::string_view& into, std::string& room) {
    fields.seen |= field;
    return cursor.String(into, room);
  };
  const auto number = [&](Field field, double& into) {
    fields.seen |= field;
    return cursor.Number(into);
  };
  MetricPoint& point = fields.point;
  if (key == "t") return number(kT, point.time_s);
  if (key == "value") return number(kValue, point.value);
  if (key == "service") return text(kService, point.service, scratch.service);
  if (key == "version") return text(kVersion, point.version, scratch.version);
  if (key == "instance") return text(kInstance, point.instance, scratch.instance);
  if (key == "metric") return text(kMetric, fields.metric, scratch.metric);
  return cursor.SkipValue(scratch.skipped);
}

std::string_view FirstMissing(unsigned seen) {
  static constexpr std::string_view kNames[] = {"t",        "service", "version",
                                                "instance", "metric",  "value"};
  for (unsigned i = 0; i < 6; ++i) {
    if (!(seen & (1u << i))) return kNames[i];
  }
  return "";
}

Error At(const Cursor& cursor, std::string_view what) {
  return InvalidArgument(std::string(what) + " at byte " + std::to_string(cursor.at()) + ": \"" +
                         Shown(cursor.rest()) + "\"");
}

}  // namespace

Result<MetricPoint> ParsePointLine(std::string_view line, PointLineScratch& scratch) {
  if (line.size() > kMaxPointLineBytes) {
    return InvalidArgument("line of " + std::to_string(line.size()) + " bytes; at most " +
                           std::to_string(kMaxPointLineBytes) + " are read: \"" + Shown(line) +
                           "\"");
  }
  Cursor cursor(line);
  Fields fields;
  if (!cursor.Take('{')) return At(cursor, "expected a JSON object");
  if (!cursor.Peek('}')) {
    do {
      std::string_view key;
      if (!cursor.String(key, scratch.key) || !cursor.Take(':'))
        return At(cursor, "expected a key");
      if (!ReadField(cursor, key, fields, scratch)) {
        return At(cursor, "bad value of '" + Shown(key) + "'");
      }
    } while (cursor.Take(','));
  }
  if (!cursor.Take('}') || !cursor.Done()) return At(cursor, "expected the end of the object");
  if (fields.seen != kAll) {
    return InvalidArgument("key '" + std::string(FirstMissing(fields.seen)) + "' is missing in \"" +
                           Shown(line) + "\"");
  }
  const auto metric = ReadMetric(fields.metric);
  if (!metric) {
    return InvalidArgument("metric '" + Shown(fields.metric) +
                           "' is none of heap, rss, limit, active_spans, req_rate");
  }
  fields.point.metric = *metric;
  return fields.point;
}

}  // namespace tidemark
