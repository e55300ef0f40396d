#include "codec/profile_tables.h"

#include <algorithm>
#include <numeric>

#include "codec/ids.h"

namespace tidemark::codec {
namespace {

constexpr size_t kEntryBytes = 64;  // charged for each copied table entry beside its strings

// Which attribute of a mapping is its build id; the linker's own first.
int BuildIdRank(View key) {
  if (key == "process.executable.build_id.gnu") return 3;
  if (key == "process.executable.build_id.go") return 2;
  if (key == "process.executable.build_id.htlhash") return 1;
  return 0;
}

// int32 and int64 indices arrive as 64-bit varints.
int64_t Index(uint64_t varint) { return static_cast<int64_t>(varint); }

}  // namespace

size_t Dictionary::size() const {
  return mappings.size() + locations.size() + functions.size() + links.size() + strings.size() +
         attributes.size() + stacks.size();
}

Result<void> Dictionary::Append(View body, Place* place) {
  std::vector<View>* const tables[] = {&mappings, &locations,  &functions, &links,
                                       &strings,  &attributes, &stacks};
  size_t entries = size();
  for (Message message(body, place); message.Next();) {
    const uint32_t table = message.tag() - 1;
    if (table >= std::size(tables) ||
        message.wire_type() != protozero::pbf_wire_type::length_delimited) {
      message.skip();
      continue;
    }
    if (++entries > kMaxDictionaryEntries) {
      return TooLarge("OTLP profiles: the dictionary has more than " +
                      std::to_string(kMaxDictionaryEntries) + " entries");
    }
    tables[table]->push_back(message.Text());
  }
  return {};
}

Importer::Importer(const Dictionary* dictionary, const Context& context)
    : dictionary_(dictionary),
      context_(context),
      mapping_slots_(dictionary->mappings.size()),
      location_slots_(dictionary->locations.size()),
      function_slots_(dictionary->functions.size()) {}

void Importer::Start(Profile* profile) {
  profile_ = profile;
  mapping_slots_.Clear();
  location_slots_.Clear();
  function_slots_.Clear();
  mapping_order_.clear();
}

void Importer::Finish() {
  std::vector<uint32_t> order(mapping_order_.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(),
            [&](uint32_t a, uint32_t b) { return mapping_order_[a] < mapping_order_[b]; });
  std::vector<uint32_t> place(order.size());
  std::vector<tidemark::Mapping> sorted;
  for (const uint32_t old : order) {
    place[old] = static_cast<uint32_t>(sorted.size());
    sorted.push_back(std::move(profile_->mappings[old]));
  }
  profile_->mappings = std::move(sorted);
  for (tidemark::Location& location : profile_->locations) {
    if (location.mapping != kNoIndex) location.mapping = place[location.mapping];
  }
}

bool Importer::Charge(size_t bytes) {
  charged_ += bytes;
  if (charged_ <= kMaxExpandedBytes) return true;
  problem_ = "the profiles of this request grow to more than " + std::to_string(kMaxExpandedBytes) +
             " bytes; send them in several requests";
  return false;
}

bool Importer::InRange(const char* table, int64_t index, size_t size) {
  if (index >= 0 && static_cast<uint64_t>(index) < size) return true;
  problem_ = std::string(table) + " index " + std::to_string(index) +
             " is outside the dictionary's table of " + std::to_string(size);
  return false;
}

bool Importer::Entry(const char* name, const std::vector<View>& table, int64_t index, View* entry) {
  if (!InRange(name, index, table.size())) return false;
  *entry = table[static_cast<size_t>(index)];
  return Charge(entry->size());
}

bool Importer::String(int64_t index, std::string* out) {
  if (index == 0) return out->clear(), true;
  if (!InRange("string", index, dictionary_->strings.size())) return false;
  *out =
      Limited(dictionary_->strings[static_cast<size_t>(index)], kMaxProfileStringBytes, context_);
  return Charge(out->size());
}

bool Importer::ReadValueType(View body, ValueType* out) {
  int64_t type = 0, unit = 0;
  for (Message message(body, context_.place); message.Next();) {
    switch (message.tag_and_type()) {
      case Varint(1):
        type = Index(message.get_uint64());
        break;
      case Varint(2):
        unit = Index(message.get_uint64());
        break;
      default:
        message.skip();
    }
  }
  return String(type, &out->type) && String(unit, &out->unit);
}

bool Importer::Stack(int64_t index, std::vector<uint32_t>* locations) {
  if (index == 0) return true;
  View body;
  if (!Entry("stack", dictionary_->stacks, index, &body)) return false;
  bool good = true;
  const auto add = [&](uint64_t location) {
    if (!good || location == 0) return;
    uint32_t place = 0;
    good = Location(Index(location), &place);
    if (good) locations->push_back(place);
  };
  Message message(body, context_.place);
  while (good && message.Next()) {
    switch (message.tag_and_type()) {
      case Bytes(1):
        message.EachPackedVarint(add);
        break;
      case Varint(1):
        add(message.get_uint64());
        break;
      default:
        message.skip();
    }
  }
  return good && Charge(locations->size() * sizeof(uint32_t));
}

bool Importer::Location(int64_t index, uint32_t* place) {
  if (!InRange("location", index, dictionary_->locations.size())) return false;
  const auto entry = static_cast<size_t>(index);
  *place = location_slots_.At(entry);
  if (*place != kNoIndex) return true;
  View body;
  if (!Entry("location", dictionary_->locations, index, &body)) return false;
  tidemark::Location location;
  int64_t mapping = 0;
  for (Message message(body, context_.place); message.Next();) {
    switch (message.tag_and_type()) {
      case Varint(1):
        mapping = Index(message.get_uint64());
        break;
      case Varint(2):
        location.address = message.get_uint64();
        break;
      case Bytes(3):
        if (!ReadLine(message.Text(), &location.lines)) return false;
        break;
      default:
        message.skip();
    }
  }
  if (mapping != 0 && !Mapping(mapping, &location.mapping)) return false;
  *place = static_cast<uint32_t>(profile_->locations.size());
  profile_->locations.push_back(std::move(location));
  location_slots_.Set(entry, *place);
  return Charge(kEntryBytes);
}

bool Importer::ReadLine(View body, std::vector<Line>* lines) {
  Line line;
  int64_t function = 0;
  for (Message message(body, context_.place); message.Next();) {
    switch (message.tag_and_type()) {
      case Varint(1):
        function = Index(message.get_uint64());
        break;
      case Varint(2):
        line.line = message.get_int64();
        break;
      default:
        message.skip();
    }
  }
  if (function == 0) return true;  // says nothing
  if (!Function(function, &line.function)) return false;
  lines->push_back(line);
  return Charge(sizeof(Line));
}

bool Importer::Function(int64_t index, uint32_t* place) {
  if (!InRange("function", index, dictionary_->functions.size())) return false;
  const auto entry = static_cast<size_t>(index);
  *place = function_slots_.At(entry);
  if (*place != kNoIndex) return true;
  View body;
  if (!Entry("function", dictionary_->functions, index, &body)) return false;
  int64_t name = 0, system_name = 0, file = 0;
  tidemark::Function function;
  for (Message message(body, context_.place); message.Next();) {
    switch (message.tag_and_type()) {
      case Varint(1):
        name = Index(message.get_uint64());
        break;
      case Varint(2):
        system_name = Index(message.get_uint64());
        break;
      case Varint(3):
        file = Index(message.get_uint64());
        break;
      case Varint(4):
        function.start_line = message.get_int64();
        break;
      default:
        message.skip();
    }
  }
  if (!String(name, &function.name) || !String(system_name, &function.system_name) ||
      !String(file, &function.file)) {
    return false;
  }
  *place = static_cast<uint32_t>(profile_->functions.size());
  profile_->functions.push_back(std::move(function));
  function_slots_.Set(entry, *place);
  return Charge(kEntryBytes);
}

bool Importer::Mapping(int64_t index, uint32_t* place) {
  if (!InRange("mapping", index, dictionary_->mappings.size())) return false;
  const auto entry = static_cast<size_t>(index);
  *place = mapping_slots_.At(entry);
  if (*place != kNoIndex) return true;
  View body;
  if (!Entry("mapping", dictionary_->mappings, index, &body)) return false;
  tidemark::Mapping mapping;
  int64_t file = 0;
  int rank = 0;
  bool good = true;
  const auto attribute = [&](uint64_t i) {
    good = good && ReadBuildId(Index(i), &rank, &mapping.build_id);
  };
  for (Message message(body, context_.place); message.Next();) {
    switch (message.tag_and_type()) {
      case Varint(1):
        mapping.start = message.get_uint64();
        break;
      case Varint(2):
        mapping.limit = message.get_uint64();
        break;
      case Varint(3):
        mapping.file_offset = message.get_uint64();
        break;
      case Varint(4):
        file = Index(message.get_uint64());
        break;
      case Bytes(5):
        message.EachPackedVarint(attribute);
        break;
      case Varint(5):
        attribute(message.get_uint64());
        break;
      default:
        message.skip();
    }
  }
  if (!good || !String(file, &mapping.file)) return false;
  *place = static_cast<uint32_t>(profile_->mappings.size());
  profile_->mappings.push_back(std::move(mapping));
  mapping_order_.push_back(entry);
  mapping_slots_.Set(entry, *place);
  return Charge(kEntryBytes);
}

bool Importer::ReadBuildId(int64_t index, int* rank, std::string* build_id) {
  View key;
  AnyValue value;
  if (!RawAttribute(index, &key, &value)) return false;
  const int this_rank = BuildIdRank(key);
  if (this_rank <= *rank) return true;
  *rank = this_rank;
  *build_id = TextOf(value, context_);
  return Charge(build_id->size());
}

bool Importer::RawAttribute(int64_t index, View* key, AnyValue* value) {
  View body;
  if (!Entry("attribute", dictionary_->attributes, index, &body)) return false;
  int64_t key_index = 0;
  for (Message message(body, context_.place); message.Next();) {
    switch (message.tag_and_type()) {
      case Varint(1):
        key_index = Index(message.get_uint64());
        break;
      case Bytes(2):
        *value = ReadAnyValue(message.Text(), context_);
        break;
      default:
        message.skip();
    }
  }
  if (!InRange("string", key_index, std::max<size_t>(1, dictionary_->strings.size()))) return false;
  *key = key_index == 0 ? View{} : dictionary_->strings[static_cast<size_t>(key_index)];
  return true;
}

bool Importer::Attribute(int64_t index, std::vector<Label>* labels) {
  auto known = labels_.find(index);
  if (known == labels_.end()) {
    View key;
    AnyValue value;
    Label label;
    if (!RawAttribute(index, &key, &value)) return false;
    label.key = Limited(key, kMaxKeyBytes, context_);
    if (value.type == AnyValue::Type::kInt) {
      label.number = value.integer;
    } else {
      label.text = TextOf(value, context_);
    }
    int64_t unit = 0;
    for (Message message(dictionary_->attributes[static_cast<size_t>(index)], context_.place);
         message.Next();) {
      message.tag_and_type() == Varint(3) ? static_cast<void>(unit = Index(message.get_uint64()))
                                          : message.skip();
    }
    if (!String(unit, &label.unit)) return false;
    known = labels_.emplace(index, std::move(label)).first;
    if (!Charge(sizeof(Label) + known->second.key.size() + known->second.text.size())) return false;
  }
  const Label& label = known->second;
  if (label.key.empty() || labels->size() >= kMaxAttributes) {
    ++context_.rejected->truncated;
    return true;
  }
  labels->push_back(label);
  return Charge(sizeof(Label) + label.key.size() + label.text.size() + label.unit.size());
}

bool Importer::Link(int64_t index, std::vector<Label>* labels) {
  if (index == 0) return true;
  View body;
  if (!Entry("link", dictionary_->links, index, &body)) return false;
  View trace_bytes, span_bytes;
  for (Message message(body, context_.place); message.Next();) {
    switch (message.tag_and_type()) {
      case Bytes(1):
        trace_bytes = message.Text();
        break;
      case Bytes(2):
        span_bytes = message.Text();
        break;
      default:
        message.skip();
    }
  }
  TraceId trace_id;
  SpanId span_id{};
  if (ReadTraceId(trace_bytes, &trace_id)) labels->push_back({"trace_id", ToHex(trace_id)});
  if (ReadSpanId(span_bytes, &span_id)) labels->push_back({"span_id", ToHex(span_id)});
  return Charge(2 * (sizeof(Label) + 32));
}

}  // namespace tidemark::codec
