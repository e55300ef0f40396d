// Pieces of the messages that all OTLP encoders write.
#pragma once

#include <protozero/pbf_writer.hpp>
#include <string_view>

#include "codec/otlp.h"

namespace tidemark::codec {

// Appends a KeyValue with a string value as field `field`.
void WriteAttribute(protozero::pbf_writer& parent, uint32_t field, std::string_view key,
                    std::string_view value);

// Appends a Resource as field 1, such that TargetOf of what it says is the resource's target.
void WriteResource(protozero::pbf_writer& parent, const Resource& resource);

}  // namespace tidemark::codec
