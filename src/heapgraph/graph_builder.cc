// Two readings of a source: the first gives the objects their ids, the second resolves references.
#include <algorithm>

#include "heapgraph/graph.h"
#include "heapgraph/name_table.h"
#include "heapgraph/object_pass.h"
#include "heapgraph/reference_pass.h"

namespace tidemark::heapgraph {

Result<std::unique_ptr<HeapGraph>> BuildGraph(HeapSource& source, Scratch& scratch,
                                              const Progress& progress) {
  auto graph = std::make_unique<HeapGraph>();
  NameTable names;
  ObjectPass objects(*graph, names, scratch, progress);
  TIDEMARK_ASSIGN_OR_RETURN(const ReadOutcome outcome,
                            source.Read(objects, {.references = false, .contents = false}));
  TIDEMARK_RETURN_IF_ERROR(objects.Finish(outcome, source.format()));
  ReferencePass references(*graph, names, scratch, progress, outcome.bytes);
  TIDEMARK_ASSIGN_OR_RETURN(const ReadOutcome again,
                            source.Read(references, {.references = true, .contents = false}));
  if (again.bytes < outcome.bytes) return Corrupt("the dump became shorter while it was read");
  TIDEMARK_RETURN_IF_ERROR(references.Finish());
  return graph;
}

}  // namespace tidemark::heapgraph
