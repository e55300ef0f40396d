#include "symbolize/dwarf_index.h"

#include <dwarf.h>

#include <algorithm>
#include <filesystem>

#include "symbolize/symbol_name.h"

namespace tidemark {
namespace {

// Nesting of scopes and inlined calls that we follow; GCC stays far below.
constexpr int kMaxScopeDepth = 32;
constexpr int kMaxInlineDepth = 128;
constexpr int kMaxRowsBack = 512;
// libdw keeps a record and a pointer for each line (Dwarf_Line, elfutils 0.188).
constexpr size_t kBytesPerLine = 56;

bool IsScope(int tag) {
  return tag == DW_TAG_namespace || tag == DW_TAG_module || tag == DW_TAG_class_type ||
         tag == DW_TAG_structure_type || tag == DW_TAG_union_type;
}

std::string Normalized(const char* path) {
  if (path == nullptr) return "";
  return std::filesystem::path(path).lexically_normal().string();
}

// A string attribute, through abstract origins and specifications.
const char* Text(Dwarf_Die* die, unsigned attribute) {
  Dwarf_Attribute value;
  if (dwarf_attr_integrate(die, attribute, &value) == nullptr) return nullptr;
  return dwarf_formstring(&value);
}

int64_t Number(Dwarf_Die* die, unsigned attribute) {
  Dwarf_Attribute value;
  Dwarf_Word word = 0;
  if (dwarf_attr_integrate(die, attribute, &value) == nullptr) return 0;
  return dwarf_formudata(&value, &word) == 0 ? static_cast<int64_t>(word) : 0;
}

// Adds a namespace, class or function to the scope that is being written, outermost first.
void EnterScope(Dwarf_Die* die, std::string* scope) {
  const int tag = dwarf_tag(die);
  const bool function = tag == DW_TAG_subprogram;
  const char* linkage = function ? Text(die, DW_AT_linkage_name) : nullptr;
  const char* name = function ? Text(die, DW_AT_name) : dwarf_diename(die);
  if (linkage != nullptr) {
    *scope = WithoutParameters(Demangle(linkage));  // holds what is around it
  } else if (name != nullptr) {
    *scope += name;
  } else {
    // Unnamed classes that have member functions are, but for rarities, closures.
    *scope += tag == DW_TAG_namespace ? "(anonymous namespace)" : "{lambda}";
  }
  *scope += "::";
}

// The DIE that declares a function: behind its abstract origin and its specification.
Dwarf_Die Declaration(Dwarf_Die die) {
  for (int step = 0; step < kMaxScopeDepth; ++step) {
    Dwarf_Attribute value;
    Dwarf_Die next;
    if (dwarf_attr(&die, DW_AT_abstract_origin, &value) == nullptr &&
        dwarf_attr(&die, DW_AT_specification, &value) == nullptr) {
      break;
    }
    if (dwarf_formref_die(&value, &next) == nullptr) break;
    die = next;
  }
  return die;
}

// The file in which an inlined call stands.
std::string CallFile(Dwarf_Die* inlined) {
  Dwarf_Die unit;
  Dwarf_Files* files = nullptr;
  if (dwarf_diecu(inlined, &unit, nullptr, nullptr) == nullptr) return "";
  if (dwarf_getsrcfiles(&unit, &files, nullptr) != 0) return "";
  const int64_t index = Number(inlined, DW_AT_call_file);
  return Normalized(dwarf_filesrc(files, static_cast<size_t>(index), nullptr, nullptr));
}

std::string FileOf(Dwarf_Line* line) { return Normalized(dwarf_linesrc(line, nullptr, nullptr)); }

int LineOf(Dwarf_Line* line) {
  int number = 0;
  return dwarf_lineno(line, &number) == 0 ? number : 0;
}

// Index of the last row at or before `address`, or -1.
ptrdiff_t RowAt(Dwarf_Lines* lines, size_t count, uint64_t address) {
  size_t low = 0, high = count;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    Dwarf_Addr at = 0;
    dwarf_lineaddr(dwarf_onesrcline(lines, middle), &at);
    if (at <= address) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return static_cast<ptrdiff_t>(low) - 1;
}

// GCC leaves out some inlined calls (measured: 12.2 at -O2, a std::vector copy), so that a line of
// another file seems to stand in `function`. Then the last line of the function's own file before
// it in the code is the better answer, and where there is none, the function's first.
void PlaceInOwnFile(Dwarf_Die* unit, Dwarf_Die* function, uint64_t address, SymbolFrame* frame) {
  const char* declared = dwarf_decl_file(function);
  const std::string own = Normalized(declared);
  if (declared == nullptr || own == frame->file) return;
  Dwarf_Lines* lines = nullptr;
  size_t count = 0;
  Dwarf_Addr low = 0;
  if (dwarf_getsrclines(unit, &lines, &count) != 0) return;
  if (dwarf_lowpc(function, &low) != 0) low = address;
  ptrdiff_t row = RowAt(lines, count, address);
  for (int step = 0; step < kMaxRowsBack && row >= 0; ++step, --row) {
    Dwarf_Line* line = dwarf_onesrcline(lines, static_cast<size_t>(row));
    Dwarf_Addr at = 0;
    if (dwarf_lineaddr(line, &at) != 0 || at < low) break;
    if (LineOf(line) != 0 && FileOf(line) == own) {
      frame->line = LineOf(line);
      frame->file = own;
      return;
    }
  }
  frame->file = own;
  frame->line = frame->start_line;
}

void FillPlace(Dwarf_Die* unit, uint64_t address, SymbolFrame* frame) {
  Dwarf_Line* line = dwarf_getsrc_die(unit, address);
  if (line == nullptr) return;
  frame->file = FileOf(line);
  frame->line = LineOf(line);
}

}  // namespace

std::unique_ptr<DwarfIndex> DwarfIndex::Open(const ElfFile& file) {
  if (!file.HasSection(".debug_info")) return nullptr;
  Dwarf* dwarf = dwarf_begin_elf(file.elf(), DWARF_C_READ, nullptr);
  if (dwarf == nullptr) return nullptr;
  std::unique_ptr<DwarfIndex> index(new DwarfIndex(dwarf));
  index->IndexUnits();
  return index;
}

DwarfIndex::DwarfIndex(Dwarf* dwarf) : dwarf_(dwarf) {}

DwarfIndex::~DwarfIndex() { dwarf_end(dwarf_); }

void DwarfIndex::AppendRanges(Dwarf_Die* die, std::vector<Range>* out) {
  Dwarf_Addr base = 0, low = 0, high = 0;
  for (ptrdiff_t next = 0; (next = dwarf_ranges(die, next, &base, &low, &high)) > 0;) {
    // Functions that the linker left out keep the address 0.
    if (low != 0 && low < high) out->push_back({low, high, dwarf_dieoffset(die), 0});
  }
}

void DwarfIndex::Finish(std::vector<Range>* ranges) {
  std::sort(ranges->begin(), ranges->end(),
            [](const Range& a, const Range& b) { return a.low < b.low; });
  uint64_t max_high = 0;
  for (Range& range : *ranges) range.max_high = max_high = std::max(max_high, range.high);
}

const DwarfIndex::Range* DwarfIndex::Find(const std::vector<Range>& ranges, uint64_t address) {
  auto at = std::upper_bound(ranges.begin(), ranges.end(), address,
                             [](uint64_t wanted, const Range& r) { return wanted < r.low; });
  // Ranges may overlap: walk back until nothing before can reach the address.
  while (at != ranges.begin()) {
    --at;
    if (address < at->high) return &*at;
    if (address >= at->max_high) return nullptr;
  }
  return nullptr;
}

void DwarfIndex::IndexUnits() {
  Dwarf_CU* unit = nullptr;
  Dwarf_Half version = 0;
  uint8_t type = 0;
  Dwarf_Die die;
  while (dwarf_get_units(dwarf_, unit, &unit, &version, &type, &die, nullptr) == 0) {
    if (type == DW_UT_compile || type == DW_UT_skeleton) AppendRanges(&die, &units_);
  }
  Finish(&units_);
  bytes_ += units_.size() * sizeof(Range);
}

void DwarfIndex::CollectFunctions(Dwarf_Die scope, int depth, std::vector<Range>* out) {
  Dwarf_Die child;
  if (depth > kMaxScopeDepth || dwarf_child(&scope, &child) != 0) return;
  do {
    const int tag = dwarf_tag(&child);
    if (tag == DW_TAG_subprogram) AppendRanges(&child, out);
    if (IsScope(tag)) CollectFunctions(child, depth + 1, out);
  } while (dwarf_siblingof(&child, &child) == 0);
}

const std::vector<DwarfIndex::Range>& DwarfIndex::FunctionsOf(Dwarf_Off unit) {
  const auto known = functions_.find(unit);
  if (known != functions_.end()) return known->second;
  std::vector<Range> functions;
  Dwarf_Die die;
  if (dwarf_offdie(dwarf_, unit, &die) != nullptr) {
    CollectFunctions(die, 0, &functions);
    Dwarf_Lines* lines = nullptr;
    size_t count = 0;
    if (dwarf_getsrclines(&die, &lines, &count) == 0) bytes_ += count * kBytesPerLine;
  }
  Finish(&functions);
  functions.shrink_to_fit();
  bytes_ += functions.size() * sizeof(Range);
  return functions_.emplace(unit, std::move(functions)).first->second;
}

std::vector<Dwarf_Die> DwarfIndex::CallChain(Dwarf_Off function, uint64_t address) {
  std::vector<Dwarf_Die> chain;
  Dwarf_Die at, child;
  if (dwarf_offdie(dwarf_, function, &at) == nullptr) return chain;
  chain.push_back(at);
  for (int depth = 0; depth < kMaxInlineDepth && dwarf_child(&at, &child) == 0; ++depth) {
    bool found = false;
    do {
      const int tag = dwarf_tag(&child);
      if (tag != DW_TAG_inlined_subroutine && tag != DW_TAG_lexical_block) continue;
      if (dwarf_haspc(&child, address) <= 0) continue;
      if (tag == DW_TAG_inlined_subroutine) chain.push_back(child);
      at = child;
      found = true;
    } while (!found && dwarf_siblingof(&child, &child) == 0);
    if (!found) break;
  }
  return chain;
}

// The namespaces, classes and functions around a function that has no linkage name, "a::(anonymous
// namespace)::". Children stand in ascending order, so the way down to an offset is the last child
// that does not begin after it.
std::string DwarfIndex::ScopeOf(Dwarf_Die* function) {
  const Dwarf_Off wanted = dwarf_dieoffset(function);
  std::string scope;
  Dwarf_Die at;
  if (dwarf_diecu(function, &at, nullptr, nullptr) == nullptr) return scope;
  for (int depth = 0; depth < kMaxScopeDepth; ++depth) {
    Dwarf_Die child, last;
    bool found = false;
    if (dwarf_child(&at, &child) != 0) break;
    do {
      if (dwarf_dieoffset(&child) > wanted) break;
      last = child;
      found = true;
    } while (dwarf_siblingof(&child, &child) == 0);
    if (!found || dwarf_dieoffset(&last) == wanted) break;
    at = last;
    if (dwarf_tag(&last) == DW_TAG_lexical_block) continue;
    // Lambdas are members of unnamed classes inside functions.
    if (!IsScope(dwarf_tag(&last)) && dwarf_tag(&last) != DW_TAG_subprogram) break;
    EnterScope(&last, &scope);
  }
  return scope;
}

const DwarfIndex::Names& DwarfIndex::NamesOf(Dwarf_Die* function) {
  Dwarf_Die declaration = Declaration(*function);
  const Dwarf_Off key = dwarf_dieoffset(&declaration);
  const auto known = names_.find(key);
  if (known != names_.end()) return known->second;
  Names names;
  const char* linkage = Text(function, DW_AT_linkage_name);
  if (linkage == nullptr) linkage = Text(function, DW_AT_MIPS_linkage_name);
  if (linkage != nullptr) {
    names.system_name = linkage;
    names.function = ReadableName(names.system_name);
  } else if (const char* name = Text(function, DW_AT_name)) {
    names.system_name = ScopeOf(&declaration) + name;
    names.function = WithShortTemplates(names.system_name);
  }
  names.start_line = Number(function, DW_AT_decl_line);
  bytes_ += sizeof(Names) + names.function.size() + names.system_name.size() + 64;
  return names_.emplace(key, std::move(names)).first->second;
}

std::vector<SymbolFrame> DwarfIndex::Frames(uint64_t address) {
  std::vector<SymbolFrame> frames;
  const Range* unit = Find(units_, address);
  if (unit == nullptr) return frames;
  const Range* function = Find(FunctionsOf(unit->die), address);
  if (function == nullptr) return frames;
  std::vector<Dwarf_Die> chain = CallChain(function->die, address);
  for (size_t i = chain.size(); i-- > 0;) {
    const Names& names = NamesOf(&chain[i]);
    SymbolFrame frame{names.function, names.system_name, "", 0, names.start_line};
    if (i + 1 == chain.size()) {
      Dwarf_Die die;
      if (dwarf_offdie(dwarf_, unit->die, &die) != nullptr) {
        FillPlace(&die, address, &frame);
        if (!frame.file.empty()) PlaceInOwnFile(&die, &chain[i], address, &frame);
      }
    } else {
      frame.file = CallFile(&chain[i + 1]);
      frame.line = Number(&chain[i + 1], DW_AT_call_line);
    }
    frames.push_back(std::move(frame));
  }
  return frames;
}

SymbolFrame DwarfIndex::PlaceOf(uint64_t address) {
  SymbolFrame frame;
  const Range* unit = Find(units_, address);
  Dwarf_Die die;
  if (unit != nullptr && dwarf_offdie(dwarf_, unit->die, &die) != nullptr) {
    FillPlace(&die, address, &frame);
  }
  return frame;
}

}  // namespace tidemark
