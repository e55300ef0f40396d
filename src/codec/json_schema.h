// The OTLP messages as OTLP/JSON writes them: one table row for each field that the decoders read.
// Keys that are not here are ignored, as the specification asks of receivers.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace tidemark::codec {

enum class JsonKind : uint8_t {
  kString,
  kBytes,  // base64
  kId,     // hex; base64 from old senders
  kBool,
  kVarint,   // int32, int64, uint32, uint64
  kZigzag,   // sint32
  kFixed64,  // fixed64, sfixed64
  kDouble,
  kEnum,
  kMessage,
  kRefused,  // a key of a profiles layout that is not accepted
};

struct JsonMessage;

struct JsonField {
  std::string_view name;  // lowerCamelCase
  uint32_t number = 0;
  JsonKind kind = JsonKind::kString;
  bool repeated = false;
  const JsonMessage* message = nullptr;               // of kMessage
  std::string_view enum_prefix = {};                  // of kEnum: SPAN_KIND_
  std::span<const std::string_view> enum_names = {};  // of kEnum: names after the prefix, by value
};

struct JsonMessage {
  std::string_view name;
  std::span<const JsonField> fields;
};

extern const JsonMessage kJsonTracesRequest;
extern const JsonMessage kJsonMetricsRequest;
extern const JsonMessage kJsonProfilesRequest;

// The field named `key`, lowerCamelCase or snake_case; null when there is none.
const JsonField* FindJsonField(const JsonMessage& message, std::string_view key);

}  // namespace tidemark::codec
