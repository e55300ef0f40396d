// Reading protobuf messages: switch labels that hold field number and wire type together, so that a
// field of the wrong wire type falls to `default` and is skipped, and a place for error messages.
//
// protozero throws on damaged bytes; Guarded() is the only place that catches.
#pragma once

#include <cstdint>
#include <protozero/pbf_reader.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tidemark::codec {

using View = std::string_view;  // bytes of the body, which must outlive it

// Switch labels for Message::tag_and_type().
constexpr uint32_t Varint(uint32_t field) {
  return protozero::tag_and_type(field, protozero::pbf_wire_type::varint);
}
constexpr uint32_t Fixed64(uint32_t field) {
  return protozero::tag_and_type(field, protozero::pbf_wire_type::fixed64);
}
constexpr uint32_t Fixed32(uint32_t field) {
  return protozero::tag_and_type(field, protozero::pbf_wire_type::fixed32);
}
constexpr uint32_t Bytes(uint32_t field) {
  return protozero::tag_and_type(field, protozero::pbf_wire_type::length_delimited);
}

// How far reading has come: `at` is the start of the field read last.
struct Place {
  const char* begin = nullptr;
  const char* at = nullptr;
};

// Iterates over the fields of one message: while (message.Next()) switch (message.tag_and_type()).
class Message : public protozero::pbf_reader {
 public:
  Message(View body, Place* place)
      : protozero::pbf_reader(body.data(), body.size()), place_(place) {}

  bool Next() {
    place_->at = data().data();
    return next();
  }

  View Text() {
    const protozero::data_view view = get_view();
    return {view.data(), view.size()};
  }

  // Unix ns as fixed64; values beyond 2262 become -1, which no caller accepts as a time.
  int64_t TimeNs() {
    const uint64_t value = get_fixed64();
    return value > INT64_MAX ? -1 : static_cast<int64_t>(value);
  }

  // Calls f(uint64_t) for each element of a packed varint field.
  template <typename F>
  void EachPackedVarint(F f) {
    for (const uint64_t value : get_packed_uint64()) f(value);
  }

  template <typename F>
  void EachPackedFixed64(F f) {
    for (const uint64_t value : get_packed_fixed64()) f(value);
  }

 private:
  Place* place_;
};

// Runs fn(Place*), which returns a Result<T>, and turns protozero's exceptions into an invalid
// argument error that names the byte offset of the damaged field.
template <typename T, typename Fn>
Result<T> Guarded(View body, const char* what, Fn fn) {
  Place place{body.data(), body.data()};
  try {
    return fn(&place);
  } catch (const protozero::exception& e) {
    return InvalidArgument(std::string(what) + ": malformed protobuf in the field at byte " +
                           std::to_string(place.at - place.begin) + " of " +
                           std::to_string(body.size()) + ": " + e.what());
  }
}

}  // namespace tidemark::codec
