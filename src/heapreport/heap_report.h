// A heap's finding in words and figures: what text, JSON, HTML and pprof are written from. Bounded
// in size whatever the heap, and without a graph behind it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "heapgraph/growth.h"

namespace tidemark {

enum class HeapRuntime : uint8_t { kGo, kJvm, kNode, kOther };

// A trace one of whose spans lies in the heap.
struct HeldTrace {
  std::string trace_id, span_id;  // hex
  std::string name;
  int64_t start_ns = 0, end_ns = 0;  // Unix; end 0 = has not ended
};

struct NamedCount {
  std::string name;
  uint64_t count = 0;
};

// OTel spans found in a heap.
struct HeldSpans {
  uint64_t spans = 0, ended = 0;
  int64_t newest_end_ns = 0, oldest_end_ns = 0;  // Unix; 0 = none has ended
  std::vector<NamedCount> names;                 // by falling count, at most 20
  std::vector<HeldTrace> traces;                 // newest end first, at most 50
  std::vector<std::string> chain;                // who holds them, root first
};

// A step on the way from a root: how it is reached (".next", "[3]"; "" at the root) and what it is.
struct ReportStep {
  std::string how, what;
  uint64_t address = 0;  // 0 = has none
  uint64_t retained_bytes = 0;
};

struct ReportSuspect {
  std::string sentence;
  std::vector<std::string> chain;  // owners, root first; the last one is what piles up
  bool group = false;              // many top-level objects of one type
  uint64_t objects = 0;            // of what piles up
  uint64_t retained_bytes = 0;
  uint64_t pile_bytes = 0;   // of those, retained by what piles up
  uint64_t ended_spans = 0;  // that it holds
  double share = 0;          // of the reachable bytes, 0 to 1
  std::string piled_type;    // under the point where it spreads
  uint64_t piled_objects = 0, piled_bytes = 0;
  std::vector<ReportStep> path;  // shortest, from a root to the accumulation point
};

struct ReportOwner {
  std::string name;
  uint64_t address = 0;
  uint64_t retained_objects = 0, retained_bytes = 0;
  bool named = false;  // a named root, not an object
};

struct ReportType {
  std::string name;
  uint64_t objects = 0, bytes = 0, retained_bytes = 0;
};

// Of the retaining tree; the first is the whole heap, each comes after its parent.
struct ReportNode {
  uint32_t parent = 0;
  std::string name;
  std::string kind;  // "heap", "global", "stack", "type", "others" (smaller ones in one), ...
  uint64_t objects = 0, bytes = 0;  // that end here
  uint64_t retained_objects = 0, retained_bytes = 0;
};

// Objects by their bytes, of two dumps of one process in which every object keeps an id.
struct ClassSince {
  std::string name;
  uint64_t allocated_objects = 0, allocated_bytes = 0, freed_objects = 0, freed_bytes = 0;
};
// Objects that came and stay, held in one way: "global -> .cache Map -> [] Span". Counted are those
// that no other one of them retains; bytes: retained by them.
struct HeldSince {
  std::vector<std::string> path;  // of one of them, from its root
  uint64_t objects = 0, bytes = 0;
};
struct ObjectsSince {
  // In the later dump alone, in the earlier alone, in both.
  uint64_t allocated_objects = 0, allocated_bytes = 0, freed_objects = 0, freed_bytes = 0;
  uint64_t kept_objects = 0, kept_bytes = 0;
  std::vector<ClassSince> classes;  // by falling bytes allocated
  std::vector<HeldSince> held;      // by falling bytes
  // In all, those of ways that `held` has no place for too.
  uint64_t held_objects = 0, held_bytes = 0;
};

struct HeapReport {
  std::string headline;  // the finding, one or two sentences

  std::string file, format;
  HeapRuntime runtime = HeapRuntime::kOther;
  uint64_t file_bytes = 0;
  int64_t time_ns = 0;
  std::map<std::string, std::string> facts;  // told by the dump itself
  bool addresses_are_ids = false;            // of V8, which stay while the process lives

  // Identity: owned + shared + garbage = bytes, and the same of objects.
  uint64_t objects = 0, bytes = 0;
  uint64_t owned_objects = 0, owned_bytes = 0;      // kept by one root alone
  uint64_t shared_objects = 0, shared_bytes = 0;    // reachable, but by no root alone
  uint64_t garbage_objects = 0, garbage_bytes = 0;  // reached by no root
  uint64_t references = 0, roots = 0;
  uint64_t reachable_bytes() const { return owned_bytes + shared_bytes; }
  uint64_t reachable_objects() const { return owned_objects + shared_objects; }

  std::string damage;              // "" = whole
  std::vector<NamedCount> losses;  // only those that happened
  std::vector<std::string> notes;
  std::vector<std::string> broken;  // identities that do not hold; never, unless we err

  std::vector<ReportSuspect> suspects;
  std::vector<HeldSpans> spans;     // by owner
  std::vector<ReportOwner> owners;  // by falling retained bytes
  std::vector<ReportType> types;    // by falling retained bytes
  uint64_t all_types = 0;           // how many there are beside those kept
  std::vector<ReportNode> tree;
  uint64_t tree_cut_objects = 0;  // counted at an ancestor because the tree is limited

  // Two dumps: what changed since the earlier one.
  std::string before_file;
  uint64_t before_objects = 0, before_bytes = 0;  // reachable
  std::optional<heapgraph::HeapGrowth> growth;
  std::optional<ObjectsSince> since;
};

// What `--check` asks: one owner holds at least half of the reachable heap; of two dumps, a path is
// suspected of growing.
bool HasFinding(const HeapReport& report);

}  // namespace tidemark
