// Writes what it is told as a graph-only file (docs/formats/heap-graph.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "graphfile/block.h"
#include "graphfile/name_table.h"
#include "graphfile/records.h"
#include "graphfile/shape_table.h"
#include "heapgraph/heap_events.h"

namespace tidemark::graphfile {

class Compressor;

// Takes bytes, in order, to a file, a pipe or memory. Called by one thread at a time, not always
// the same.
using WriteBytes = std::function<Result<void>(std::span<const std::byte>)>;

struct GraphWriterOptions {
  std::string source_format;  // HeapSource::format() of what is told
  int level = 6;              // of zstd, 1 to 19
};

struct GraphWriterTotals {
  uint64_t bytes = 0;  // written
  uint64_t objects = 0;
  uint64_t references = 0;        // of objects, holders and told apart
  uint64_t contents_bytes = 0;    // as it was told, before compression
  uint64_t texts_cut = 0;         // names and facts longer than 64 KiB, contents over 1 MiB
  uint64_t names_refused = 0;     // over the limit: "(other)" instead
  uint64_t references_apart = 0;  // moved out of an object or holder with more than 262,144
};

// Everything that is told gets into the file, contents too: what must not stay is kept away by a
// filter before it (allow_list.h). Memory: about 20 MB, whatever it is told, at levels 1 to 6.
// Compresses and writes on a thread of its own. Belongs to one thread.
class GraphWriter : public heapgraph::HeapSink {
 public:
  GraphWriter(WriteBytes write, GraphWriterOptions options);
  ~GraphWriter() override;

  // Writes what is left and the end. `outcome`: how far the source was read; its damage will be the
  // reader's as well. Once, last. Errors: the first of `write`; from then on nothing was written.
  Result<GraphWriterTotals> Finish(const heapgraph::ReadOutcome& outcome);
  // Whether `write` has failed: what is told is dropped.
  bool failed() const;

  uint32_t Intern(std::string_view name) override;
  void OnType(const heapgraph::TypeEvent& type) override;
  void OnObject(const heapgraph::ObjectEvent& object) override;
  void OnRoot(heapgraph::RootKind kind, uint64_t address) override;
  void OnHolder(const heapgraph::HolderEvent& holder) override;
  void OnReference(uint64_t source, const heapgraph::Reference& reference) override;
  void OnFact(const heapgraph::FactEvent& fact) override;
  void OnProgress(uint64_t) override {}

 private:
  void Added(uint32_t op);
  void CountText(std::string_view text) { totals_.texts_cut += text.size() > kMaxTextBytes; }

  std::unique_ptr<Compressor> compressor_;
  std::unique_ptr<Block> block_;
  RecordWriter records_;
  ShapeTable shapes_;
  NameTable names_;
  GraphWriterTotals totals_;
  uint64_t events_ = 0;
};

}  // namespace tidemark::graphfile
