#include "codec/json_to_proto.h"

#include <bit>
#include <boost/json/basic_parser_impl.hpp>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <protozero/varint.hpp>
#include <vector>

#include "codec/json_schema.h"
#include "codec/limits.h"
#include "codec/text.h"
#include "codec/wire.h"

namespace tidemark::codec {
namespace {

using boost::json::error_code;
using Text = boost::json::string_view;

constexpr size_t kLengthBytes =
    5;  // a length is written as a varint padded to this, once it is known
constexpr size_t kQuotedBytes = 64;  // of a bad value in an error message

std::string_view View8(Text text) { return {text.data(), text.size()}; }

enum class TokenType { kText, kNumber, kBool };

struct Token {
  TokenType type;
  std::string_view text;  // characters of the number or string; "true" or "false"
};

// The whole of `text` as a decimal integer of 64 bits, signed or unsigned; numbers such as 5.0 and
// 1e3 count when they are integers.
std::optional<uint64_t> ParseInteger(std::string_view text) {
  const char* end = text.data() + text.size();
  int64_t signed_value = 0;
  if (auto [at, code] = std::from_chars(text.data(), end, signed_value);
      code == std::errc() && at == end) {
    return static_cast<uint64_t>(signed_value);
  }
  uint64_t value = 0;
  if (auto [at, code] = std::from_chars(text.data(), end, value);
      code == std::errc() && at == end) {
    return value;
  }
  double number = 0;
  const auto [at, code] = std::from_chars(text.data(), end, number);
  if (code != std::errc() || at != end || std::trunc(number) != number) return std::nullopt;
  if (number < -0x1p63 || number >= 0x1p64) return std::nullopt;
  return number < 0 ? static_cast<uint64_t>(static_cast<int64_t>(number))
                    : static_cast<uint64_t>(number);
}

std::optional<double> ParseDouble(const Token& token) {
  if (token.type == TokenType::kText) {
    if (token.text == "NaN") return std::numeric_limits<double>::quiet_NaN();
    if (token.text == "Infinity") return std::numeric_limits<double>::infinity();
    if (token.text == "-Infinity") return -std::numeric_limits<double>::infinity();
  }
  double value = 0;
  const char* end = token.text.data() + token.text.size();
  const auto [at, code] = std::from_chars(token.text.data(), end, value);
  if (at != end || token.text.empty()) return std::nullopt;
  if (code == std::errc::result_out_of_range) {  // 1e999 and 1e-999
    return std::strtod(std::string(token.text).c_str(), nullptr);
  }
  return code == std::errc() ? std::optional(value) : std::nullopt;
}

std::optional<uint64_t> ParseEnum(const JsonField& field, const Token& token) {
  std::string_view name = token.text;
  if (token.type == TokenType::kText && name.starts_with(field.enum_prefix)) {
    name.remove_prefix(field.enum_prefix.size());
    for (size_t i = 0; i < field.enum_names.size(); ++i) {
      if (field.enum_names[i] == name) return i;
    }
  }
  return ParseInteger(token.text);
}

// Ids are hex; SDKs of before 2020 sent them as base64, which its padding gives away (24 letters
// for 16 bytes, 12 letters for 8).
bool ParseId(std::string_view text, std::string* out) {
  if ((text.size() == 24 && text.ends_with("==")) || (text.size() == 12 && text.ends_with("="))) {
    return DecodeBase64(text, out);
  }
  return DecodeHex(text, out);
}

bool IsPacked(JsonKind kind) {
  return kind == JsonKind::kVarint || kind == JsonKind::kFixed64 || kind == JsonKind::kDouble;
}

uint32_t TagOf(const JsonField& field) {
  switch (field.kind) {
    case JsonKind::kBool:
    case JsonKind::kVarint:
    case JsonKind::kZigzag:
    case JsonKind::kEnum:
      return Varint(field.number);
    case JsonKind::kFixed64:
    case JsonKind::kDouble:
      return Fixed64(field.number);
    default:
      return Bytes(field.number);
  }
}

// Handler of boost::json::basic_parser. One frame for each open object and array that is read;
// within ignored values only the depth is counted.
class Transcoder {
 public:
  static constexpr std::size_t max_object_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_array_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_key_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_string_size = std::numeric_limits<std::size_t>::max();

  explicit Transcoder(const JsonMessage* root) : root_(root) {}

  std::string TakeOutput() { return std::move(out_); }
  const std::string& problem() const { return problem_; }
  void Reserve(size_t bytes) { out_.reserve(bytes); }

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_comment_part(Text, error_code&) { return true; }
  bool on_comment(Text, error_code&) { return true; }

  bool on_object_begin(error_code& ec) {
    if (frames_.empty() && ignored_ == 0) {
      frames_.push_back({root_, nullptr, false, 0, 0});
      return true;
    }
    const JsonField* field = BeginValue();
    if (field == nullptr) return ++ignored_ != 0;
    if (field->kind != JsonKind::kMessage) return Fail(*field, "an object", ec);
    if (field->repeated && !frames_.back().is_array) return Fail(*field, "an object", ec);
    frames_.push_back({field->message, nullptr, false, OpenLength(Bytes(field->number)), 0});
    return true;
  }

  bool on_object_end(std::size_t, error_code&) { return EndFrame(); }

  bool on_array_begin(error_code& ec) {
    if (frames_.empty() && ignored_ == 0) return FailAtRoot(ec);
    const JsonField* field = BeginValue();
    if (field == nullptr) return ++ignored_ != 0;
    if (!field->repeated || frames_.back().is_array) return Fail(*field, "an array", ec);
    const size_t length_at = IsPacked(field->kind) ? OpenLength(Bytes(field->number)) : 0;
    frames_.push_back({nullptr, field, true, length_at, 0});
    return true;
  }

  bool on_array_end(std::size_t, error_code&) { return EndFrame(); }

  bool on_key_part(Text text, std::size_t, error_code&) {
    if (ignored_ == 0) text_.append(text.data(), text.size());
    return true;
  }

  bool on_key(Text text, std::size_t, error_code&) {
    if (ignored_ != 0) return true;
    const std::string_view key = Whole(text);
    frames_.back().field = FindJsonField(*frames_.back().message, key);
    text_.clear();
    return true;
  }

  bool on_string_part(Text text, std::size_t, error_code&) {
    if (ignored_ == 0) text_.append(text.data(), text.size());
    return true;
  }

  bool on_string(Text text, std::size_t, error_code& ec) {
    return Scalar({TokenType::kText, Whole(text)}, ec);
  }

  bool on_number_part(Text text, error_code&) {
    if (ignored_ == 0) text_.append(text.data(), text.size());
    return true;
  }

  bool on_int64(std::int64_t, Text text, error_code& ec) {
    return Scalar({TokenType::kNumber, Whole(text)}, ec);
  }
  bool on_uint64(std::uint64_t, Text text, error_code& ec) {
    return Scalar({TokenType::kNumber, Whole(text)}, ec);
  }
  bool on_double(double, Text text, error_code& ec) {
    return Scalar({TokenType::kNumber, Whole(text)}, ec);
  }
  bool on_bool(bool value, error_code& ec) {
    return Scalar({TokenType::kBool, value ? "true" : "false"}, ec);
  }

  // null is the absence of a value.
  bool on_null(error_code& ec) {
    if (frames_.empty() && ignored_ == 0) return FailAtRoot(ec);
    if (ignored_ == 0) BeginValue();
    return true;
  }

 private:
  struct Frame {
    const JsonMessage* message;  // of an object
    const JsonField* field;      // an object's current key (null: ignored), an array's own field
    bool is_array;
    size_t length_at;  // where the length is to be written; 0 = nowhere
    int64_t index;     // an array's elements so far
  };

  // Field of the value that begins, null when the value is ignored.
  const JsonField* BeginValue() {
    if (ignored_ != 0) return nullptr;
    Frame& top = frames_.back();
    if (top.is_array) ++top.index;
    return top.field;
  }

  bool EndFrame() {
    if (ignored_ != 0) return --ignored_, true;
    if (frames_.back().length_at != 0) CloseLength(frames_.back().length_at);
    frames_.pop_back();
    return true;
  }

  std::string_view Whole(Text last) {
    if (text_.empty()) return View8(last);
    text_.append(last.data(), last.size());
    return text_;
  }

  bool Scalar(const Token& token, error_code& ec) {
    if (frames_.empty() && ignored_ == 0) return FailAtRoot(ec);
    const JsonField* field = BeginValue();
    const bool good =
        field == nullptr || (field->repeated == frames_.back().is_array && Write(*field, token));
    if (!good) Fail(*field, token.text, ec);
    text_.clear();
    return good;
  }

  // Writes the field; false when the value does not fit it.
  bool Write(const JsonField& field, const Token& token) {
    switch (field.kind) {
      case JsonKind::kMessage:
      case JsonKind::kRefused:
        return false;
      case JsonKind::kString:
      case JsonKind::kBytes:
      case JsonKind::kId:
        return token.type == TokenType::kText && WriteBytes(field, token.text);
      case JsonKind::kBool:
        if (token.type != TokenType::kBool) return false;
        WriteTag(field);
        out_.push_back(token.text == "true" ? 1 : 0);
        return true;
      case JsonKind::kDouble: {
        const auto value = token.type == TokenType::kBool ? std::nullopt : ParseDouble(token);
        if (value) WriteTag(field), WriteFixed64(std::bit_cast<uint64_t>(*value));
        return value.has_value();
      }
      default:
        return WriteInteger(field, token);
    }
  }

  bool WriteInteger(const JsonField& field, const Token& token) {
    if (token.type == TokenType::kBool) return false;
    const auto value =
        field.kind == JsonKind::kEnum ? ParseEnum(field, token) : ParseInteger(token.text);
    if (!value) return false;
    WriteTag(field);
    if (field.kind == JsonKind::kFixed64) {
      WriteFixed64(*value);
    } else {
      WriteVarint(field.kind == JsonKind::kZigzag
                      ? protozero::encode_zigzag64(static_cast<int64_t>(*value))
                      : *value);
    }
    return true;
  }

  bool WriteBytes(const JsonField& field, std::string_view text) {
    std::string decoded;
    if (field.kind == JsonKind::kId && !ParseId(text, &decoded)) return false;
    if (field.kind == JsonKind::kBytes && !DecodeBase64(text, &decoded)) return false;
    if (field.kind != JsonKind::kString) text = decoded;
    WriteTag(field);
    WriteVarint(text.size());
    out_.append(text);
    return true;
  }

  // Elements of packed fields have no tag of their own.
  void WriteTag(const JsonField& field) {
    if (!field.repeated || !IsPacked(field.kind)) WriteVarint(TagOf(field));
  }

  void WriteVarint(uint64_t value) { protozero::write_varint(std::back_inserter(out_), value); }

  void WriteFixed64(uint64_t value) {
    for (int shift = 0; shift < 64; shift += 8) out_.push_back(static_cast<char>(value >> shift));
  }

  size_t OpenLength(uint32_t tag) {
    WriteVarint(tag);
    out_.append(kLengthBytes, '\0');
    return out_.size() - kLengthBytes;
  }

  void CloseLength(size_t at) {
    size_t length = out_.size() - at - kLengthBytes;
    for (size_t i = 0; i < kLengthBytes; ++i, length >>= 7) {
      out_[at + i] = static_cast<char>((length & 0x7F) | (i + 1 < kLengthBytes ? 0x80 : 0));
    }
  }

  bool FailAtRoot(error_code& ec) {
    problem_ = "OTLP JSON: expected an object that is an " + std::string(root_->name);
    ec = boost::json::make_error_code(boost::json::error::exception);
    return false;
  }

  bool Fail(const JsonField& field, std::string_view value, error_code& ec) {
    problem_ = "OTLP JSON: " + Path() + ": ";
    if (field.kind == JsonKind::kRefused) {
      problem_ +=
          "this key belongs to the profiles layout of opentelemetry-proto v1.7 or older; this "
          "server accepts v1.8 to "
          "v1.11 (Collector v0.136 or newer)";
    } else {
      problem_ +=
          "got " + std::string(value.substr(0, kQuotedBytes)) + ", expected " + Expected(field);
    }
    ec = boost::json::make_error_code(boost::json::error::exception);
    return false;
  }

  std::string Expected(const JsonField& field) const {
    if (field.repeated && !frames_.back().is_array) return "an array";
    switch (field.kind) {
      case JsonKind::kString:
        return "a string";
      case JsonKind::kBytes:
        return "base64 text";
      case JsonKind::kId:
        return "hex digits";
      case JsonKind::kBool:
        return "true or false";
      case JsonKind::kDouble:
        return "a number, \"NaN\", \"Infinity\" or \"-Infinity\"";
      case JsonKind::kEnum:
        return "a number or a name such as " + std::string(field.enum_prefix) +
               std::string(field.enum_names.back());
      case JsonKind::kMessage:
        return "an object (" + std::string(field.message->name) + ")";
      default:
        return "an integer of 64 bits";
    }
  }

  // resourceSpans[0].scopeSpans[0].spans[2].traceId
  std::string Path() const {
    std::string path;
    for (const Frame& frame : frames_) {
      if (frame.is_array) {
        path += "[" + std::to_string(std::max<int64_t>(0, frame.index - 1)) + "]";
      } else if (frame.field != nullptr) {
        path += (path.empty() ? "" : ".") + std::string(frame.field->name);
      }
    }
    return path;
  }

  const JsonMessage* root_;
  std::vector<Frame> frames_;
  size_t ignored_ = 0;  // open objects and arrays of an ignored value
  std::string text_;    // parts of a key, string or number that the parser hands over in pieces
  std::string out_;
  std::string problem_;
};

const JsonMessage* RootOf(JsonRoot root) {
  switch (root) {
    case JsonRoot::kTraces:
      return &kJsonTracesRequest;
    case JsonRoot::kMetrics:
      return &kJsonMetricsRequest;
    case JsonRoot::kProfiles:
      return &kJsonProfilesRequest;
  }
  return nullptr;
}

}  // namespace

Result<std::string> JsonToProto(std::string_view json, JsonRoot root) {
  boost::json::parse_options options;
  options.max_depth = kMaxJsonDepth;
  boost::json::basic_parser<Transcoder> parser(options, RootOf(root));
  parser.handler().Reserve(json.size());
  error_code ec;
  const size_t used = parser.write_some(false, json.data(), json.size(), ec);
  if (!parser.handler().problem().empty()) return InvalidArgument(parser.handler().problem());
  if (ec) {
    return InvalidArgument("OTLP JSON: byte " + std::to_string(used) + " of " +
                           std::to_string(json.size()) + ": " + ec.message());
  }
  if (json.find_first_not_of(" \t\r\n", used) != std::string_view::npos) {
    return InvalidArgument("OTLP JSON: byte " + std::to_string(used) + " of " +
                           std::to_string(json.size()) + ": more text after the request's end");
  }
  return parser.handler().TakeOutput();
}

}  // namespace tidemark::codec
