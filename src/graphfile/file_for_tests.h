// A graph-only file in memory, from what a function tells.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/byte_source.h"
#include "graphfile/event_text.h"
#include "graphfile/graph_reader.h"
#include "graphfile/graph_writer.h"

namespace tidemark::graphfile {

inline WriteBytes AppendTo(std::string& file) {
  return [&file](std::span<const std::byte> bytes) -> Result<void> {
    file.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return {};
  };
}

template <typename Tell>
std::string FileOf(const Tell& tell, const heapgraph::ReadOutcome& outcome = {}) {
  std::string file;
  GraphWriter writer(AppendTo(file), {.source_format = "made by hand"});
  tell(writer);
  if (!writer.Finish(outcome)) std::abort();
  return file;
}

inline Result<std::unique_ptr<GraphFileSource>> OpenFile(std::string_view file) {
  return GraphFileSource::Open(BytesInMemory(std::as_bytes(std::span(file))));
}

struct Told {
  std::vector<std::string> lines;
  heapgraph::ReadOutcome outcome;
};

// Errors: those of Open and Read.
inline Result<Told> ReadFile(std::string_view file, heapgraph::HeapSource::Wants wants = {}) {
  EventText sink;
  TIDEMARK_ASSIGN_OR_RETURN(const auto source, OpenFile(file));
  TIDEMARK_ASSIGN_OR_RETURN(auto outcome, source->Read(sink, wants));
  return Told{std::move(sink.lines), std::move(outcome)};
}

}  // namespace tidemark::graphfile
