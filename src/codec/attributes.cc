#include "codec/attributes.h"

#include "codec/text.h"

namespace tidemark::codec {
namespace {

// Room beyond the limit, so that TextOf sees that a text was too long.
constexpr size_t kJsonStop = kMaxValueBytes + 16;

View StringAt(int64_t index, const Context& context) {
  if (context.strings == nullptr || index <= 0) return {};
  const auto position = static_cast<uint64_t>(index);
  return position < context.strings->size() ? (*context.strings)[position] : View{};
}

void AppendJson(const AnyValue& value, int depth, const Context& context, std::string* out);

void AppendJsonArray(View body, int depth, const Context& context, std::string* out) {
  Message message(body, context.place);
  out->push_back('[');
  bool first = true;
  while (message.Next()) {
    if (message.tag_and_type() != Bytes(1)) {
      message.skip();
      continue;
    }
    if (!first) out->push_back(',');
    first = false;
    AppendJson(ReadAnyValue(message.Text(), context), depth + 1, context, out);
    if (out->size() > kJsonStop) return;
  }
  out->push_back(']');
}

void AppendJsonMap(View body, int depth, const Context& context, std::string* out) {
  Message message(body, context.place);
  out->push_back('{');
  bool first = true;
  while (message.Next()) {
    if (message.tag_and_type() != Bytes(1)) {
      message.skip();
      continue;
    }
    if (!first) out->push_back(',');
    first = false;
    const KeyValue pair = ReadKeyValue(message.Text(), context);
    AppendJsonString(Limited(pair.key, kMaxKeyBytes, context), out);
    out->push_back(':');
    AppendJson(pair.value, depth + 1, context, out);
    if (out->size() > kJsonStop) return;
  }
  out->push_back('}');
}

// `depth` is at most kMaxValueDepth, so the recursion is bounded.
void AppendJson(const AnyValue& value, int depth, const Context& context, std::string* out) {
  const bool nested = value.type == AnyValue::Type::kArray || value.type == AnyValue::Type::kMap;
  if (nested && depth >= kMaxValueDepth) {
    ++context.rejected->truncated;
    out->append("null");
    return;
  }
  switch (value.type) {
    case AnyValue::Type::kEmpty:
      out->append("null");
      return;
    case AnyValue::Type::kString: {
      bool cut = false;
      AppendJsonString(Utf8(value.view, kJsonStop, &cut), out);
      return;
    }
    case AnyValue::Type::kBool:
      out->append(value.integer != 0 ? "true" : "false");
      return;
    case AnyValue::Type::kInt:
      out->append(std::to_string(value.integer));
      return;
    case AnyValue::Type::kDouble: {
      const std::string text = NumberText(value.number);
      const bool finite = text.back() != 'N' && text.back() != 'y';
      finite ? static_cast<void>(out->append(text)) : AppendJsonString(text, out);
      return;
    }
    case AnyValue::Type::kArray:
      AppendJsonArray(value.view, depth, context, out);
      return;
    case AnyValue::Type::kMap:
      AppendJsonMap(value.view, depth, context, out);
      return;
    case AnyValue::Type::kBytes:
      AppendJsonString(EncodeBase64(value.view.substr(0, kJsonStop)), out);
      return;
  }
}

}  // namespace

void Reject(Rejected* rejected, int64_t items, std::string_view reason) {
  rejected->items += items;
  if (rejected->message.empty()) rejected->message = reason;
}

void WarnIfTruncated(Rejected* rejected) {
  if (rejected->items != 0 || rejected->truncated == 0 || !rejected->message.empty()) return;
  rejected->message = std::to_string(rejected->truncated) +
                      " names or attributes were cut or dropped; the limits are " +
                      std::to_string(kMaxAttributes) + " attributes an item, keys of " +
                      std::to_string(kMaxKeyBytes) + ", names of " + std::to_string(kMaxNameBytes) +
                      " and values of " + std::to_string(kMaxValueBytes) +
                      " bytes, and keys must not be empty";
}

AnyValue ReadAnyValue(View body, const Context& context) {
  using Type = AnyValue::Type;
  AnyValue value;
  Message message(body, context.place);
  while (message.Next()) {
    switch (message.tag_and_type()) {
      case Bytes(1):
        value = {Type::kString, message.Text(), 0, 0};
        break;
      case Varint(2):
        value = {Type::kBool, {}, message.get_bool(), 0};
        break;
      case Varint(3):
        value = {Type::kInt, {}, message.get_int64(), 0};
        break;
      case Fixed64(4):
        value = {Type::kDouble, {}, 0, message.get_double()};
        break;
      case Bytes(5):
        value = {Type::kArray, message.Text(), 0, 0};
        break;
      case Bytes(6):
        value = {Type::kMap, message.Text(), 0, 0};
        break;
      case Bytes(7):
        value = {Type::kBytes, message.Text(), 0, 0};
        break;
      case Varint(8): {
        const View text = StringAt(message.get_int32(), context);
        value = {text.empty() ? Type::kEmpty : Type::kString, text, 0, 0};
        break;
      }
      default:
        message.skip();
    }
  }
  return value;
}

KeyValue ReadKeyValue(View body, const Context& context) {
  KeyValue pair;
  View indexed_key;
  Message message(body, context.place);
  while (message.Next()) {
    switch (message.tag_and_type()) {
      case Bytes(1):
        pair.key = message.Text();
        break;
      case Bytes(2):
        pair.value = ReadAnyValue(message.Text(), context);
        break;
      case Varint(3):
        indexed_key = StringAt(message.get_int32(), context);
        break;
      default:
        message.skip();
    }
  }
  // Some Collectors send both; the text wins (reference section 1.2).
  if (pair.key.empty()) pair.key = indexed_key;
  return pair;
}

std::string Limited(View bytes, size_t max_bytes, const Context& context) {
  bool cut = false;
  std::string text = Utf8(bytes, max_bytes, &cut);
  if (cut) ++context.rejected->truncated;
  return text;
}

std::string TextOf(const AnyValue& value, const Context& context) {
  switch (value.type) {
    case AnyValue::Type::kEmpty:
      return {};
    case AnyValue::Type::kString:
      return Limited(value.view, kMaxValueBytes, context);
    case AnyValue::Type::kDouble:
      return NumberText(value.number);
    case AnyValue::Type::kBytes:
      return Limited(EncodeBase64(value.view.substr(0, kMaxValueBytes)), kMaxValueBytes, context);
    default:
      break;
  }
  std::string json;
  AppendJson(value, 0, context, &json);
  return json.size() > kMaxValueBytes ? Limited(json, kMaxValueBytes, context) : json;
}

void AppendAttribute(View body, const Context& context, Attributes* out) {
  const KeyValue pair = ReadKeyValue(body, context);
  if (pair.key.empty() || out->size() >= kMaxAttributes) {
    ++context.rejected->truncated;
    return;
  }
  out->emplace_back(Limited(pair.key, kMaxKeyBytes, context), TextOf(pair.value, context));
}

void ReadResource(View body, const Context& context, Attributes* out) {
  Message message(body, context.place);
  while (message.Next()) {
    if (message.tag_and_type() == Bytes(1)) {
      AppendAttribute(message.Text(), context, out);
    } else {
      message.skip();
    }
  }
}

}  // namespace tidemark::codec
