// The tables that all profiles of an OTLP request share, and the way from them into one Profile.
#pragma once

#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "codec/attributes.h"
#include "codec/wire.h"
#include "model/profile.h"

namespace tidemark::codec {

// ProfilesDictionary: entries stand undecoded in the body; element 0 of each table means "not set".
struct Dictionary {
  std::vector<View> mappings, locations, functions, links, strings, attributes, stacks;

  // Appends the tables of one ProfilesDictionary message. Error: resource exhausted beyond
  // kMaxDictionaryEntries.
  Result<void> Append(View body, Place* place);
  size_t size() const;
};

// Where entries of one dictionary table stand in the profile that is being filled. Starting anew
// costs nothing.
class Slots {
 public:
  explicit Slots(size_t entries) : slots_(entries) {}
  void Clear() { ++epoch_; }
  size_t size() const { return slots_.size(); }

  // The place of entry `index`, or kNoIndex.
  uint32_t At(size_t index) const {
    return slots_[index].epoch == epoch_ ? slots_[index].place : kNoIndex;
  }
  void Set(size_t index, uint32_t place) { slots_[index] = {epoch_, place}; }

 private:
  struct Slot {
    uint32_t epoch = 0;
    uint32_t place = 0;
  };
  std::vector<Slot> slots_;
  uint32_t epoch_ = 1;
};

// Copies dictionary entries into profiles, each once a profile. One importer serves all profiles of
// a request, one after the other; it counts the bytes copied against kMaxExpandedBytes. Functions
// that can fail return false and leave the reason for TakeProblem().
class Importer {
 public:
  Importer(const Dictionary* dictionary, const Context& context);

  // Begins to fill `profile`, which must live until Finish.
  void Start(Profile* profile);
  // Puts the mappings in the order of the dictionary, where the main program is first.
  void Finish();

  bool String(int64_t index, std::string* out);
  bool ReadValueType(View body, ValueType* out);
  // Appends the frames of a stack, leaf first.
  bool Stack(int64_t index, std::vector<uint32_t>* locations);
  // Appends an attribute as a label; one without a key is dropped.
  bool Attribute(int64_t index, std::vector<Label>* labels);
  // Appends trace_id and span_id.
  bool Link(int64_t index, std::vector<Label>* labels);
  // Key and value of an attribute that belongs to a profile or mapping.
  bool RawAttribute(int64_t index, View* key, AnyValue* value);

  bool Charge(size_t bytes);
  // Why the last call returned false; "" when none did since.
  std::string TakeProblem() { return std::exchange(problem_, {}); }

 private:
  bool InRange(const char* table, int64_t index, size_t size);
  // The entry of a table, with its reading charged.
  bool Entry(const char* name, const std::vector<View>& table, int64_t index, View* entry);
  bool Location(int64_t index, uint32_t* place);
  bool ReadLine(View body, std::vector<Line>* lines);
  bool Function(int64_t index, uint32_t* place);
  bool Mapping(int64_t index, uint32_t* place);
  bool ReadBuildId(int64_t index, int* rank, std::string* build_id);

  const Dictionary* dictionary_;
  Context context_;
  Profile* profile_ = nullptr;
  Slots mapping_slots_, location_slots_, function_slots_;
  std::vector<size_t> mapping_order_;  // dictionary index of each mapping of the profile
  std::unordered_map<int64_t, Label> labels_;
  size_t charged_ = 0;
  std::string problem_;
};

}  // namespace tidemark::codec
