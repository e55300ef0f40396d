// Reads a dump from memory and keeps what it tells.
#pragma once

#include <gtest/gtest.h>

#include "heapgraph/collecting_sink.h"
#include "hprof/hprof_reader.h"

namespace tidemark::hprof {

struct ReadDump {
  heapgraph::CollectingSink sink;
  heapgraph::ReadOutcome outcome;
  std::string error;  // "" = none

  // References of the object or holder: "name target", hidden ones too.
  std::vector<std::string> References(const std::vector<heapgraph::Reference>& references) const {
    std::vector<std::string> texts;
    for (const auto& reference : references) {
      char target[20];
      std::snprintf(target, sizeof target, "%llx",
                    static_cast<unsigned long long>(reference.target));
      const bool named = reference.label.kind() == heapgraph::Label::Kind::kName ||
                         reference.label.kind() == heapgraph::Label::Kind::kHidden;
      texts.push_back((named ? sink.names.at(reference.label.number())
                             : std::to_string(reference.label.number())) +
                      " " + target);
    }
    return texts;
  }
  std::vector<std::string> Of(uint64_t address) const {
    return References(sink.objects.at(address).references);
  }
  std::string TypeOf(uint64_t address) const {
    const auto found = sink.type_names.find(sink.objects.at(address).type);
    return found == sink.type_names.end() ? "" : found->second;
  }
};

inline ReadDump ReadBytes(const std::string& bytes, HprofOptions options = {}, int readings = 1) {
  ReadDump read;
  auto source = OpenHprof(BytesInMemory(std::as_bytes(std::span(bytes))), options);
  if (!source) {
    read.error = source.error().message;
    return read;
  }
  for (int i = 0; i < readings; ++i) {
    read.sink = {};
    auto outcome = (*source)->Read(read.sink, {});
    if (!outcome) {
      read.error = outcome.error().message;
      return read;
    }
    read.outcome = *outcome;
  }
  return read;
}

}  // namespace tidemark::hprof
