// What the OTLP fuzz targets make of their input: the first byte chooses the encoding ('j' is JSON,
// as in the seeds).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "codec/otlp.h"

namespace tidemark::codec {

struct FuzzInput {
  FuzzInput(const uint8_t* data, size_t size) {
    if (size == 0) return;
    encoding = data[0] % 2 == 0 ? OtlpEncoding::kJson : OtlpEncoding::kProtobuf;
    body = {reinterpret_cast<const char*>(data) + 1, size - 1};
  }
  OtlpEncoding encoding = OtlpEncoding::kProtobuf;
  std::string_view body;
};

}  // namespace tidemark::codec
