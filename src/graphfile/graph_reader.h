// Reads a graph-only file (docs/formats/heap-graph.md) as if it were the dump it was made of.
#pragma once

#include <memory>
#include <string>

#include "base/byte_source.h"
#include "base/result.h"
#include "heapgraph/heap_events.h"

namespace tidemark::graphfile {

// Whether a file that begins with these bytes (8 are enough) is one.
bool LooksLikeGraphFile(std::span<const std::byte> first_bytes);

// Tells the events in the order in which they were written. A thread of its own decodes ahead, two
// blocks at most. Memory: some MB for what the writer wrote; a hostile block takes 200 MB at most.
class GraphFileSource : public heapgraph::HeapSource {
 public:
  // Reads the header. Errors: the source's; invalid argument: not this format, or another version
  // of it; corrupt: a header that fails its checksum.
  static Result<std::unique_ptr<GraphFileSource>> Open(std::unique_ptr<ByteSource> bytes);

  // That of the dump: "go heap dump".
  std::string_view format() const override { return format_; }
  Result<heapgraph::ReadOutcome> Read(heapgraph::HeapSink& sink, Wants wants) override;

 private:
  explicit GraphFileSource(std::unique_ptr<ByteSource> bytes) : bytes_(std::move(bytes)) {}
  Result<void> ReadHeader();

  std::unique_ptr<ByteSource> bytes_;
  std::unique_ptr<ByteCursor> cursor_;
  std::string format_;
  bool at_first_block_ = true;
};

}  // namespace tidemark::graphfile
