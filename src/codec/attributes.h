// Attribute values of all OTLP signals (opentelemetry/proto/common/v1/common.proto) as text.
#pragma once

#include <string>
#include <vector>

#include "codec/limits.h"
#include "codec/otlp.h"
#include "codec/wire.h"
#include "model/target.h"

namespace tidemark::codec {

// What the readers of one request share. `strings` is the profiles' string table, which attributes
// there may point into; null elsewhere.
struct Context {
  Place* place = nullptr;
  Rejected* rejected = nullptr;
  const std::vector<View>* strings = nullptr;
};

// Counts `items` refused; the first reason is kept for the sender.
void Reject(Rejected* rejected, int64_t items, std::string_view reason);

// Makes a warning of what was cut, unless something was refused as well. Call once, at the end of a
// request.
void WarnIfTruncated(Rejected* rejected);

// An AnyValue as it stands in the body. Of several members the last wins.
struct AnyValue {
  enum class Type : uint8_t { kEmpty, kString, kBool, kInt, kDouble, kArray, kMap, kBytes };
  Type type = Type::kEmpty;
  View view;  // of kString, kArray, kMap and kBytes
  int64_t integer = 0;
  double number = 0;
};

struct KeyValue {
  View key;
  AnyValue value;
};

AnyValue ReadAnyValue(View body, const Context& context);
KeyValue ReadKeyValue(View body, const Context& context);

// Strings as they are, numbers in decimal, bytes in base64, arrays and maps as compact JSON, empty
// values as "". At most kMaxValueBytes; what is longer is cut and counted.
std::string TextOf(const AnyValue& value, const Context& context);

// Well-formed text of at most `max_bytes`; a cut is counted.
std::string Limited(View bytes, size_t max_bytes, const Context& context);

// Reads one KeyValue and appends it; beyond kMaxAttributes, and with an empty key, it is dropped
// and counted.
void AppendAttribute(View body, const Context& context, Attributes* out);

// Appends the attributes of a Resource message.
void ReadResource(View body, const Context& context, Attributes* out);

}  // namespace tidemark::codec
