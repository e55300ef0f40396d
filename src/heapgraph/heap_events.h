// What a reader of a dump tells about a heap, one event at a time, and who listens.
//
//   HeapSource (a reader)  --events-->  HeapSink (the graph's builder, the graph-only file's
//   writer, a filter)
//
// Objects are named by their address, types by the reader's own key. Addresses need not ascend, and
// references may point to objects that come later, inside objects, or nowhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tidemark::heapgraph {

// Go: address of the type descriptor. JVM: id of the class. V8: of the reader's making. 0: unknown.
using TypeKey = uint64_t;

// Where in its owner a reference lies, in 32 bits: the kind in the upper two, a number below.
class Label {
 public:
  enum class Kind : uint8_t {
    kOffset = 0,  // bytes from the owner's first byte
    kName = 1,    // a name given by HeapSink::Intern: a field, a property, a frame
    kIndex = 2,   // element of an array
    kHidden = 3,  // a name as well, of an edge that programmers do not see (class, map, loader)
  };
  static constexpr uint32_t kMaxNumber = (1u << 30) - 1;  // greater ones are held at this

  Label() = default;
  Label(Kind kind, uint64_t number)
      : bits_(static_cast<uint32_t>(kind) << 30 |
              static_cast<uint32_t>(number < kMaxNumber ? number : kMaxNumber)) {}
  static Label FromBits(uint32_t bits) {
    Label label;
    label.bits_ = bits;
    return label;
  }
  Kind kind() const { return static_cast<Kind>(bits_ >> 30); }
  uint32_t number() const { return bits_ & kMaxNumber; }
  uint32_t bits() const { return bits_; }
  bool operator==(const Label&) const = default;

 private:
  uint32_t bits_ = 0;
};

struct Reference {
  uint64_t target = 0;  // any address inside an object; what hits none is counted and dropped
  Label label;
  TypeKey target_type = 0;  // what the slot says of its target (an interface word); 0: nothing
};

struct ObjectEvent {
  uint64_t address = 0;
  uint64_t bytes = 0;  // shallow size
  TypeKey type = 0;
  std::span<const Reference> references;
  // The object's first bytes, as many as the source has: all of them in a full dump, an allowed
  // prefix or none in a graph-only file. Valid during the call.
  std::span<const std::byte> contents;
  bool pointer_free = false;  // the runtime says that it can hold no pointer
};

enum class RootKind : uint8_t {
  kGlobal,     // a global variable, a static field
  kStack,      // a frame's local, a goroutine, a thread
  kHandle,     // JNI, N-API, a persistent handle
  kSystem,     // the runtime itself, a class of the boot loader
  kFinalizer,  // waiting to be finalized
  kSegment,    // a whole data segment whose globals have no names yet
  kOther,
};

// Something outside the heap that holds objects: a global, a goroutine. It becomes an object of the
// graph with 0 bytes, so that it can dominate.
struct HolderEvent {
  RootKind kind = RootKind::kOther;
  std::string_view name;
  uint64_t address = 0;  // 0: has none
  uint64_t bytes = 0;    // extent of a global or a segment, for information
  std::span<const Reference> references;
  std::span<const std::byte> contents;  // of a segment; may be empty
};

struct TypeEvent {
  TypeKey key = 0;
  std::string_view name;  // "" = not known to this source; a later event may name it
  uint64_t bytes = 0;     // of one value; 0: unknown
  bool internal = false;  // part of a container that reports fold away (map buckets, Object[])
  bool interface_data_is_pointer = false;  // Go: an interface holds it by its pointer
};

// What the source wants to say beside the graph: "go version" "go1.24.4", "runtime objects"
// "1166464".
struct FactEvent {
  std::string_view key;
  std::string_view value;
};

// The fact of a source whose addresses are identities (V8's node ids), not places: an object covers
// its own address only, however large it is.
constexpr FactEvent kAddressesAreIds{"addresses", "ids"};

// Listens. Called by one thread, in any order of events but for names, which are interned before
// they are used. Strings and spans live for the call only.
class HeapSink {
 public:
  virtual ~HeapSink() = default;

  // The same number for the same text during the life of the sink, less than Label::kMaxNumber.
  // When the sink's names are full (a limit of its own, counted) it answers the number of
  // "(other)".
  virtual uint32_t Intern(std::string_view name) = 0;
  virtual void OnType(const TypeEvent& type) = 0;
  virtual void OnObject(const ObjectEvent& object) = 0;
  // The object at `address` is a root by itself.
  virtual void OnRoot(RootKind kind, uint64_t address) = 0;
  virtual void OnHolder(const HolderEvent& holder) = 0;
  // A reference of `source` told apart from the object (a thread's local, a static); may come
  // before the object.
  virtual void OnReference(uint64_t source, const Reference& reference) = 0;
  virtual void OnFact(const FactEvent& fact) = 0;
  // Bytes of the source gone through, for progress; called often.
  virtual void OnProgress(uint64_t done_bytes) = 0;
};

// How far a source could be read.
struct ReadOutcome {
  uint64_t bytes = 0;  // of the source
  std::string damage;  // "" = whole; else what is wrong, at which offset, in which record. What was
                       // told before it holds; what comes after is lost.
};

// A dump. The graph's builder reads it once, who looks for contents once more. Reading it again
// tells the same events in the same order, unless it is a pipe, which can be read once (the second
// Read is an error).
class HeapSource {
 public:
  struct Wants {
    bool references = true;  // false: OnObject without references, and cheaper
    bool contents = true;
  };
  virtual ~HeapSource() = default;
  virtual std::string_view format() const = 0;  // "go heap dump", "hprof 1.0.2", ...
  // Errors: nothing of it can be used (not this format, an unknown version): with the offset and
  // the value found. A dump that is damaged later on is no error: see ReadOutcome.
  virtual Result<ReadOutcome> Read(HeapSink& sink, Wants wants) = 0;
};

}  // namespace tidemark::heapgraph
