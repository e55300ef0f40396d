#include "codec/heap_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <unordered_map>

#include "codec/text.h"

namespace tidemark::codec {
namespace {

using View = std::string_view;

constexpr View kGperftools = "heap profile:";
constexpr View kJemalloc = "heap_v2/";
constexpr View kWarning = "%warn";
// Mean sampling distance of old tcmalloc, which jeprof takes where a "heap" profile names none
// (jeprof.in).
constexpr int64_t kOldTcmallocPeriod = 131072;
constexpr size_t kQuoted = 80;  // bytes of a bad line in an error message

void SkipSpace(View* text) {
  const size_t at = text->find_first_not_of(" \t\r");
  text->remove_prefix(at == View::npos ? text->size() : at);
}

bool Take(View token, View* text) {
  SkipSpace(text);
  if (!text->starts_with(token)) return false;
  text->remove_prefix(token.size());
  return true;
}

template <typename T>
bool TakeNumber(int base, View* text, T* value) {
  SkipSpace(text);
  const auto [at, code] = std::from_chars(text->data(), text->data() + text->size(), *value, base);
  if (code != std::errc()) return false;
  text->remove_prefix(static_cast<size_t>(at - text->data()));
  return true;
}

// The next word, which ends at a space or tab.
View TakeWord(View* text) {
  SkipSpace(text);
  const View word = text->substr(0, text->find_first_of(" \t\r"));
  text->remove_prefix(word.size());
  return word;
}

// "<count>: <bytes> [<count>: <bytes>]": in use, and allocated since the start.
struct Counts {
  CountAndBytes inuse, alloc;
};

bool TakeCounts(View* text, Counts* counts) {
  return TakeNumber(10, text, &counts->inuse.count) && Take(":", text) &&
         TakeNumber(10, text, &counts->inuse.bytes) && Take("[", text) &&
         TakeNumber(10, text, &counts->alloc.count) && Take(":", text) &&
         TakeNumber(10, text, &counts->alloc.bytes) && Take("]", text);
}

bool IsMapsMarker(View line) {
  return line.starts_with("MAPPED_LIBRARIES:") || line.starts_with("--- Memory map: ---");
}

int64_t Rounded(double value) {
  return value < 0x1p62 ? static_cast<int64_t>(std::llround(value)) : int64_t{1} << 62;
}

class HeapTextReader {
 public:
  HeapTextReader(View text, size_t max_entries) : rest_(text), max_entries_(max_entries) {}

  Result<Profile> Read() {
    while (NextLine() && line_.starts_with(kWarning)) {
    }
    profile_.period_type = {"space", "bytes"};
    const bool jemalloc = line_.starts_with(kJemalloc);
    TIDEMARK_RETURN_IF_ERROR(jemalloc ? ReadJemallocHeader() : ReadGperftoolsHeader());
    bool maps = false;
    while (NextLine()) {
      if (IsMapsMarker(line_)) {
        maps = true;
      } else if (maps) {
        ReadMapsLine();
      } else {
        TIDEMARK_RETURN_IF_ERROR(jemalloc ? ReadJemallocLine() : ReadGperftoolsLine());
      }
      if (entries_ > max_entries_) {
        return TooLarge("heap profile text: more than " + std::to_string(max_entries_) +
                        " samples, frames and mappings at line " + std::to_string(line_number_));
      }
    }
    if (jemalloc) ChooseJemallocTypes();
    PlaceLocations();
    return std::move(profile_);
  }

 private:
  bool NextLine() {
    if (rest_.empty()) return false;
    const size_t end = rest_.find('\n');
    line_ = rest_.substr(0, end);
    rest_.remove_prefix(end == View::npos ? rest_.size() : end + 1);
    if (line_.ends_with('\r')) line_.remove_suffix(1);
    ++line_number_;
    return true;
  }

  Error Bad(const char* expected) const {
    bool cut = false;
    return InvalidArgument("heap profile text: line " + std::to_string(line_number_) + ": got \"" +
                           Utf8(line_, kQuoted, &cut) + "\", expected " + expected);
  }

  // heap_v2/<period>
  Result<void> ReadJemallocHeader() {
    View text = line_.substr(kJemalloc.size());
    if (!TakeNumber(10, &text, &profile_.period) || profile_.period < 1) {
      return Bad("\"heap_v2/\" and the sampling distance in bytes");
    }
    period_ = profile_.period;
    return {};
  }

  // heap profile: <counts> @ <type>[/<period>]
  Result<void> ReadGperftoolsHeader() {
    View text = line_;
    Counts totals;
    if (!Take(kGperftools, &text) || !TakeCounts(&text, &totals) || !Take("@", &text)) {
      return Bad("\"heap profile: <objects>: <bytes> [<objects>: <bytes>] @ <type>\"");
    }
    const View word = TakeWord(&text);
    const View type = word.substr(0, word.find('/'));
    int64_t period = 0;
    if (View number = word.substr(std::min(word.size(), type.size() + 1)); !number.empty()) {
      if (!TakeNumber(10, &number, &period) || period < 0) return Bad("a number after the type");
    }
    if (type == "heap_v2" || type == "heapz_v2") {
      period_ = period;
    } else if (type == "heap") {
      period_ = period == 0 ? kOldTcmallocPeriod : period / 2;  // it prints twice the distance
    }
    profile_.period = std::max<int64_t>(1, period_);
    const bool same =
        totals.inuse.count == totals.alloc.count && totals.inuse.bytes == totals.alloc.bytes;
    const bool zero = totals.alloc.count == 0 && totals.alloc.bytes == 0;
    has_alloc_ = !same && !zero;
    // Neither of these two is live data, so their names must not be those of it.
    SetTypes(type == "growth" || type == "fragmentation" ? std::string(type) + "_" : "");
    return {};
  }

  void SetTypes(const std::string& prefix) {
    if (has_alloc_) {
      profile_.sample_types = {{"alloc_objects", "count"},
                               {"alloc_space", "bytes"},
                               {"inuse_objects", "count"},
                               {"inuse_space", "bytes"}};
    } else {
      profile_.sample_types = {{prefix + "objects", "count"}, {prefix + "space", "bytes"}};
    }
  }

  // <counts> @ <addresses>, or one of Go's "#" lines.
  Result<void> ReadGperftoolsLine() {
    View text = line_;
    SkipSpace(&text);
    if (text.empty()) return {};
    if (text.starts_with('#')) return ReadSymbol(text.substr(1)), Result<void>();
    Counts counts;
    if (!TakeCounts(&text, &counts) || !Take("@", &text)) {
      return Bad("\"<objects>: <bytes> [<objects>: <bytes>] @ <addresses>\"");
    }
    std::vector<uint32_t> stack;
    if (!TakeStack(text, &stack)) return Bad("addresses such as 0x4a2b after \"@\"");
    AddSample(counts, std::move(stack), true);
    return {};
  }

  // "@ <addresses>", then "t*: <counts>" for all threads, then the same for each thread.
  Result<void> ReadJemallocLine() {
    View text = line_;
    SkipSpace(&text);
    if (text.starts_with('@')) {
      stack_.emplace();
      text.remove_prefix(1);
      if (!TakeStack(text, &*stack_)) return Bad("addresses such as 0x4a2b after \"@\"");
      return {};
    }
    // Totals of the process stand before the first stack; lines of single threads repeat what "t*"
    // has.
    if (!stack_ || !Take("t*:", &text)) return {};
    Counts counts;
    if (!TakeCounts(&text, &counts)) return Bad("\"t*: <objects>: <bytes> [<objects>: <bytes>]\"");
    has_alloc_ = has_alloc_ || counts.alloc.count != 0;
    // Rounding in jemalloc can leave a stack without objects.
    if (counts.inuse.count != 0 || counts.alloc.count != 0)
      AddSample(counts, std::move(*stack_), false);
    stack_.reset();
    return {};
  }

  // Whether a jemalloc profile has allocations (prof_accum) shows only at its end, so all have four
  // values until then.
  void ChooseJemallocTypes() {
    if (has_alloc_) {
      SetTypes("");
      return;
    }
    profile_.sample_types = {{"inuse_objects", "count"}, {"inuse_space", "bytes"}};
    for (Sample& sample : profile_.samples)
      sample.values.erase(sample.values.begin(), sample.values.begin() + 2);
  }

  void AddSample(const Counts& counts, std::vector<uint32_t> stack, bool one_size) {
    Sample& sample = profile_.samples.emplace_back();
    sample.locations = std::move(stack);
    entries_ += 1 + sample.locations.size();
    if (has_alloc_ || !one_size) {
      const CountAndBytes alloc = Unsample(counts.alloc, period_);
      sample.values = {alloc.count, alloc.bytes};
    }
    const CountAndBytes inuse = Unsample(counts.inuse, period_);
    sample.values.push_back(inuse.count);
    sample.values.push_back(inuse.bytes);
    const CountAndBytes& row = counts.inuse.count > 0 ? counts.inuse : counts.alloc;
    // A row of gperftools and Go holds blocks of one size.
    if (one_size && row.count > 0)
      sample.labels.push_back({"bytes", "", row.bytes / row.count, "bytes"});
  }

  bool TakeStack(View text, std::vector<uint32_t>* stack) {
    for (SkipSpace(&text); !text.empty(); SkipSpace(&text)) {
      uint64_t address = 0;
      if (!text.starts_with("0x")) return false;
      text.remove_prefix(2);
      if (!TakeNumber(16, &text, &address)) return false;
      // A return address is behind its call, which may be the last instruction of its line and
      // function.
      if (address != 0) --address;
      const auto [at, added] = location_of_.try_emplace(address, profile_.locations.size());
      if (added) profile_.locations.push_back({.address = address});
      stack->push_back(static_cast<uint32_t>(at->second));
      ++entries_;
    }
    return true;
  }

  // Go: "#	0x<address of the call>	<function>+0x<offset>	<file>:<line>", inlined functions
  // first. Other lines that begin with "#" are statistics.
  void ReadSymbol(View text) {
    uint64_t address = 0;
    if (!Take("0x", &text) || !TakeNumber(16, &text, &address)) return;
    const View name = TakeWord(&text);
    SkipSpace(&text);
    const size_t plus = name.rfind("+0x");
    const size_t colon = text.rfind(':');
    const auto at = location_of_.find(address);
    if (plus == View::npos || colon == View::npos || at == location_of_.end()) return;
    // A stack that comes again brings its symbols again.
    const auto [row, first] = symbol_row_.try_emplace(at->second, profile_.samples.size());
    if (!first && row->second != profile_.samples.size()) return;
    Line line{.function = FunctionOf(name.substr(0, plus), text.substr(0, colon))};
    View number = text.substr(colon + 1);
    TakeNumber(10, &number, &line.line);
    profile_.locations[at->second].lines.push_back(line);
    ++entries_;
  }

  uint32_t FunctionOf(View name, View file) {
    Function function;
    AppendUtf8(name, &function.name);
    function.system_name = function.name;
    AppendUtf8(file, &function.file);
    const auto [at, added] = function_of_.try_emplace(
        function.name + '\0' + function.file, static_cast<uint32_t>(profile_.functions.size()));
    if (added) profile_.functions.push_back(std::move(function));
    return at->second;
  }

  // A line of /proc/self/maps: <start>-<limit> <permissions> <offset> <device> <inode> <path>.
  // Lines that are not, and ranges without code, say nothing about stacks.
  void ReadMapsLine() {
    View text = line_;
    Mapping mapping;
    if (!TakeNumber(16, &text, &mapping.start) || !Take("-", &text) ||
        !TakeNumber(16, &text, &mapping.limit))
      return;
    const View permissions = TakeWord(&text);
    if (permissions.find('x') == View::npos || !TakeNumber(16, &text, &mapping.file_offset)) return;
    TakeWord(&text);  // device
    TakeWord(&text);  // inode
    SkipSpace(&text);
    AppendUtf8(text, &mapping.file);
    profile_.mappings.push_back(std::move(mapping));
    ++entries_;
  }

  void PlaceLocations() {
    std::vector<uint32_t> order(profile_.mappings.size());
    for (uint32_t i = 0; i < order.size(); ++i) order[i] = i;
    const auto start = [&](uint32_t i) { return profile_.mappings[i].start; };
    std::sort(order.begin(), order.end(),
              [&](uint32_t a, uint32_t b) { return start(a) < start(b); });
    for (Location& location : profile_.locations) {
      const auto after =
          std::upper_bound(order.begin(), order.end(), location.address,
                           [&](uint64_t address, uint32_t i) { return address < start(i); });
      if (after == order.begin()) continue;
      const uint32_t found = *std::prev(after);
      if (location.address < profile_.mappings[found].limit) location.mapping = found;
    }
  }

  View rest_, line_;
  size_t line_number_ = 0;
  size_t max_entries_;
  size_t entries_ = 0;
  Profile profile_;
  int64_t period_ = 1;  // 1: exact
  bool has_alloc_ = false;
  std::optional<std::vector<uint32_t>> stack_;  // jemalloc: waits for its counts
  std::unordered_map<uint64_t, size_t> location_of_;
  std::unordered_map<std::string, uint32_t> function_of_;
  std::unordered_map<size_t, size_t> symbol_row_;  // which row brought a location's symbols
};

}  // namespace

CountAndBytes Unsample(CountAndBytes sampled, int64_t period) {
  if (sampled.count <= 0 || sampled.bytes <= 0) return {};
  if (period <= 1) return sampled;
  const double mean = static_cast<double>(sampled.bytes) / static_cast<double>(sampled.count);
  const double factor = -1 / std::expm1(-mean / static_cast<double>(period));
  return {Rounded(static_cast<double>(sampled.count) * factor),
          Rounded(static_cast<double>(sampled.bytes) * factor)};
}

bool LooksLikeHeapText(View bytes) {
  return bytes.starts_with(kGperftools) || bytes.starts_with(kJemalloc) ||
         bytes.starts_with(kWarning);
}

Result<Profile> DecodeHeapText(View text, size_t max_entries) {
  return HeapTextReader(text, max_entries).Read();
}

}  // namespace tidemark::codec
