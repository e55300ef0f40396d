// Writes small HPROF dumps for tests, record by record.
#pragma once

#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "hprof/hprof_format.h"

namespace tidemark::hprof {

class MadeHprof {
 public:
  struct MadeField {
    std::string_view name;
    uint8_t type = kObject;
    uint64_t value = 0;  // of a static
  };

  explicit MadeHprof(uint32_t id_bytes = 8, char version = '2') : id_bytes_(id_bytes) {
    out_.append(kMagic, sizeof kMagic - 1);
    out_ += version;
    out_ += '\0';
    Big(&out_, id_bytes, 4);
    Big(&out_, 0, 8);
  }

  // The id of a name, whose record is written when it is new.
  uint64_t Name(std::string_view text) {
    const auto [place, is_new] = names_.emplace(text, 0x10000 + 16 * names_.size());
    if (is_new) {
      std::string body;
      Id(&body, place->second);
      Record(kUtf8, body.append(text));
    }
    return place->second;
  }
  void LoadClass(uint64_t id, std::string_view name, uint32_t serial = 0) {
    const uint64_t name_id = Name(name);
    std::string body;
    Big(&body, serial, 4);
    Id(&body, id);
    Big(&body, 1, 4);
    Id(&body, name_id);
    Record(kLoadClass, body);
  }
  void Frame(uint64_t id, std::string_view method, std::string_view source, uint32_t class_serial,
             int32_t line) {
    const uint64_t method_id = Name(method), source_id = Name(source);
    std::string body;
    for (const uint64_t value : {id, method_id, uint64_t{0}, source_id}) Id(&body, value);
    Big(&body, class_serial, 4);
    Big(&body, static_cast<uint32_t>(line), 4);
    Record(kFrame, body);
  }
  void Trace(uint32_t serial, uint32_t thread, std::initializer_list<uint64_t> frames) {
    std::string body;
    Big(&body, serial, 4);
    Big(&body, thread, 4);
    Big(&body, frames.size(), 4);
    for (const uint64_t frame : frames) Id(&body, frame);
    Record(kTrace, body);
  }

  // Sub-records gather until EndSegment.
  void Class(uint64_t id, uint64_t super, uint64_t loader, std::vector<MadeField> statics,
             std::vector<MadeField> fields) {
    for (const auto& field : statics) Name(field.name);
    for (const auto& field : fields) Name(field.name);
    Sub(kClassDump, id);
    Big(&segment_, 1, 4);
    for (const uint64_t value :
         {super, loader, uint64_t{0}, uint64_t{0}, uint64_t{0}, uint64_t{0}}) {
      Id(&segment_, value);
    }
    Big(&segment_, 0, 4);  // instance size
    Big(&segment_, 0, 2);  // constants
    Big(&segment_, statics.size(), 2);
    for (const auto& field : statics) {
      Id(&segment_, Name(field.name));
      Big(&segment_, field.type, 1);
      Big(&segment_, field.value, ValueBytes(field.type, id_bytes_));
    }
    Big(&segment_, fields.size(), 2);
    for (const auto& field : fields) {
      Id(&segment_, Name(field.name));
      Big(&segment_, field.type, 1);
    }
  }
  // Values of an instance whose fields are all references.
  void Instance(uint64_t id, uint64_t class_id, std::initializer_list<uint64_t> references) {
    std::string values;
    for (const uint64_t reference : references) Id(&values, reference);
    InstanceOf(id, class_id, values);
  }
  void InstanceOf(uint64_t id, uint64_t class_id, std::string_view values) {
    Sub(kInstance, id);
    Big(&segment_, 1, 4);
    Id(&segment_, class_id);
    Big(&segment_, values.size(), 4);
    segment_ += values;
  }
  void ObjectArray(uint64_t id, uint64_t class_id, const std::vector<uint64_t>& elements) {
    Sub(kObjectArray, id);
    Big(&segment_, 1, 4);
    Big(&segment_, elements.size(), 4);
    Id(&segment_, class_id);
    for (const uint64_t element : elements) Id(&segment_, element);
  }
  void PrimitiveArray(uint64_t id, uint8_t type, uint32_t count, bool with_data = true) {
    Sub(with_data ? kPrimitiveArray : kPrimitiveArrayWithoutData, id);
    Big(&segment_, 1, 4);
    Big(&segment_, count, 4);
    Big(&segment_, type, 1);
    if (with_data) segment_.append(size_t{count} * ValueBytes(type, id_bytes_), '\x7f');
  }
  void Root(uint8_t tag, uint64_t id, std::initializer_list<uint32_t> numbers = {}) {
    Sub(tag, id);
    if (tag == kRootJniGlobal) Id(&segment_, 0);
    for (const uint32_t number : numbers) Big(&segment_, number, 4);
  }
  void Raw(std::string_view bytes) { segment_ += bytes; }
  void EndSegment(uint8_t tag = kHeapDumpSegment) {
    Record(tag, segment_);
    segment_.clear();
  }

  void Record(uint8_t tag, std::string_view body) {
    Big(&out_, tag, 1);
    Big(&out_, 0, 4);
    Big(&out_, body.size(), 4);
    out_ += body;
  }
  std::string Finish() {
    if (!segment_.empty()) EndSegment();
    Record(kHeapDumpEnd, "");
    return out_;
  }
  const std::string& so_far() const { return out_; }

  static void Big(std::string* out, uint64_t value, uint32_t bytes) {
    while (bytes-- > 0) *out += bytes < 8 ? static_cast<char>(value >> 8 * bytes) : '\0';
  }

 private:
  void Id(std::string* out, uint64_t value) const { Big(out, value, id_bytes_); }
  void Sub(uint8_t tag, uint64_t id) {
    Big(&segment_, tag, 1);
    Id(&segment_, id);
  }

  const uint32_t id_bytes_;
  std::string out_, segment_;
  std::map<std::string, uint64_t, std::less<>> names_;
};

}  // namespace tidemark::hprof
