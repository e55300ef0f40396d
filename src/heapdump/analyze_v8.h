// What only snapshots of V8 tell of a heap.
#pragma once

#include "heapreport/heap_analysis.h"

namespace tidemark {

// Notes what is detached: page elements that left their document, native objects whose owner let
// them go, from a hundredth of the heap on. Errors: the scratch's.
Result<void> NoteDetached(HeapAnalysis* analysis);

// Fills `after->since`, by the ids of objects; where the two are not of one process, or without
// ids, a note says so instead.
void CompareIds(const HeapAnalysis& before, HeapAnalysis* after);

}  // namespace tidemark
