#include "goheap/type_table.h"

#include <algorithm>

#include "goheap/image_text.h"

namespace tidemark::goheap {
namespace {

// abi.Kind. Above 31 the byte has flags.
constexpr uint8_t kArray = 17, kChan = 18, kFunc = 19, kInterface = 20, kMap = 21, kPointer = 22,
                  kSlice = 23, kStruct = 25, kUnsafePointer = 26;
constexpr uint8_t kKindMask = 31, kKindDirect = 32, kKindGcProgram = 64;
constexpr uint8_t kFlagUncommon = 1, kFlagExtraStar = 2, kFlagNamed = 4, kFlagMaskOnDemand = 16,
                  kFlagDirect = 32;
constexpr uint64_t kMaxTypeBytes = uint64_t{1} << 40;
constexpr uint64_t kMaxNameBytes = 4096;

// Bytes of a descriptor up to its abi.UncommonType; 0: not known (maps differ by version).
uint64_t UncommonAt(uint8_t kind) {
  switch (kind) {
    case kPointer:
    case kFunc:
    case kSlice:
      return 56;
    case kArray:
      return 72;
    case kChan:
      return 64;
    case kInterface:
    case kStruct:
      return 80;
    case kMap:
      return 0;
    default:
      return 48;
  }
}

}  // namespace

// abi.Type, the same in Go 1.19 to 1.27 on 64-bit machines.
struct TypeTable::Descriptor {
  uint64_t bytes, pointer_bytes;
  uint32_t hash;
  uint8_t flags, align, field_align, kind;
  uint64_t equal, gc_data;
  int32_t name, pointer_to_this;
};

TypeTable::TypeTable(const MemoryImage& image, std::vector<GoModule> modules, int minor)
    : image_(image), modules_(std::move(modules)), minor_(minor) {
  static_assert(sizeof(Descriptor) == 48);
  lowest_ = ~uint64_t{0};
  for (const GoModule& module : modules_) {
    for (const uint64_t begin : {module.text, module.data, module.types}) {
      lowest_ = std::min(lowest_, begin);
    }
    for (const uint64_t end : {module.etext, module.ebss, module.edata, module.etypes}) {
      highest_ = std::max(highest_, end);
    }
  }
}

void TypeTable::Begin(heapgraph::HeapSink& sink) {
  sink_ = &sink;
  ++round_;
}

const GoModule* TypeTable::ModuleOf(uint64_t descriptor) const {
  for (const GoModule& module : modules_) {
    if (descriptor >= module.types && descriptor < module.etypes) return &module;
  }
  return nullptr;
}

bool TypeTable::ReadDescriptor(uint64_t address, Descriptor& descriptor) const {
  if (address % 8 != 0 || address < 4096 || address > kDescriptorMask) return false;
  if (!image_.Read(address, std::as_writable_bytes(std::span(&descriptor, 1)))) return false;
  return (descriptor.kind & kKindMask) <= kUnsafePointer && descriptor.bytes <= kMaxTypeBytes &&
         descriptor.pointer_bytes <= descriptor.bytes && descriptor.pointer_bytes % 8 == 0 &&
         (descriptor.pointer_bytes == 0 || descriptor.gc_data != 0);
}

TypeTable::Entry* TypeTable::Find(uint64_t address) {
  if (const auto found = types_.find(address); found != types_.end()) return &found->second;
  if (types_.size() >= kMaxTypes) {
    ++refused_;
    return nullptr;
  }
  Entry& entry = types_[address];
  Descriptor descriptor;
  if (!ReadDescriptor(address, descriptor)) return &entry;
  entry.valid = true;
  entry.kind = descriptor.kind & kKindMask;
  entry.bytes = descriptor.bytes;
  entry.direct =
      minor_ >= 26 ? (descriptor.flags & kFlagDirect) != 0 : (descriptor.kind & kKindDirect) != 0;
  if (entry.kind == kPointer) entry.element = image_.Load<uint64_t>(address + 48).value_or(0);
  if (entry.kind != 0) entry.name = NameOf(address, descriptor);
  entry.layout = ReadLayout(descriptor);
  return &entry;
}

std::unique_ptr<PointerLayout> TypeTable::ReadLayout(const Descriptor& descriptor) const {
  const uint64_t words = descriptor.pointer_bytes / 8, mask_bytes = (words + 7) / 8;
  if (words == 0 || mask_bytes > kMaxMaskBytes || (descriptor.kind & kKindGcProgram) != 0) {
    return nullptr;
  }
  uint64_t mask_at = descriptor.gc_data;
  if (minor_ >= 24 && (descriptor.flags & kFlagMaskOnDemand) != 0) {
    mask_at = image_.Load<uint64_t>(mask_at).value_or(0);
    if (mask_at == 0) return nullptr;  // no object of the type has needed it yet
  }
  std::vector<std::byte> buffer;
  const std::byte* mask = image_.ViewOrRead(mask_at, mask_bytes, buffer);
  if (mask == nullptr) return nullptr;
  auto layout = std::make_unique<PointerLayout>();
  layout->value_bytes = descriptor.bytes;
  layout->pointer_words = words;
  layout->mask.resize((words + 63) / 64);
  std::memcpy(layout->mask.data(), mask, mask_bytes);
  if (words % 64 != 0) layout->mask.back() &= (uint64_t{1} << words % 64) - 1;
  return layout;
}

// A name is a byte of flags, a varint of its length, and its bytes.
std::string TypeTable::ReadName(int64_t offset, const GoModule& module) const {
  const uint64_t at = module.types + offset;
  if (offset <= 0 || at >= module.etypes) return "";
  uint64_t length = 0, bytes = 1;
  for (unsigned shift = 0; shift < 14; shift += 7, ++bytes) {
    const uint8_t part = image_.Load<uint8_t>(at + bytes).value_or(0);
    length |= uint64_t{part & 0x7fu} << shift;
    if ((part & 0x80) == 0) break;
  }
  std::string name(std::min(length, kMaxNameBytes), '\0');
  if (!image_.Read(at + 1 + bytes, std::as_writable_bytes(std::span(name)))) return "";
  return name;
}

// "go.opentelemetry.io/otel/sdk/trace.recordingSpan": descriptors name types by the last word of
// their package's path, and the path of named ones is with their methods.
std::string TypeTable::NameOf(uint64_t address, const Descriptor& descriptor) const {
  const GoModule* module = ModuleOf(address);
  if (module == nullptr) return "(type made at run time, " + Hex(address) + ")";
  std::string name = ReadName(descriptor.name, *module);
  if ((descriptor.flags & kFlagExtraStar) != 0 && name.starts_with('*')) name.erase(0, 1);
  const uint64_t uncommon = UncommonAt(descriptor.kind & kKindMask);
  constexpr uint8_t kBoth = kFlagNamed | kFlagUncommon;
  const size_t dot = name.find('.');
  if ((descriptor.flags & kBoth) != kBoth || uncommon == 0 || dot == std::string::npos ||
      dot > name.find('[')) {
    return name;
  }
  const std::string path = ReadName(image_.Load<int32_t>(address + uncommon).value_or(0), *module);
  return path.empty() ? name : path + name.substr(dot);
}

const PointerLayout* TypeTable::LayoutOf(uint64_t descriptor) {
  const Entry* entry = descriptor == 0 ? nullptr : Find(descriptor);
  return entry == nullptr ? nullptr : entry->layout.get();
}

TypeKey TypeTable::KeyOf(uint64_t descriptor) {
  Entry* entry = descriptor == 0 ? nullptr : Find(descriptor);
  if (entry == nullptr || !entry->valid || entry->kind == 0) return 0;
  if (entry->told != round_) {
    entry->told = round_;
    sink_->OnType({.key = descriptor,
                   .name = entry->name,
                   .bytes = entry->bytes,
                   .interface_data_is_pointer = !entry->direct});
    if (entry->direct && entry->kind != kPointer) {
      sink_->OnType({.key = PointeeOf(descriptor), .name = entry->name});
    }
  }
  return descriptor;
}

bool TypeTable::MayBeItab(uint64_t word) const {
  // Itabs made at run time lie in memory of the runtime's own, from mmap, above all executables;
  // heap objects never before Go 1.26 and only by chance since, and then they fail the test.
  return word >= uint64_t{0x7e} << 40 && word < uint64_t{1} << 47;
}

// abi.ITab: the interface, the dynamic type, and the type's hash again.
uint64_t TypeTable::DescriptorBehind(uint64_t word) {
  if (ModuleOf(word) !=
      nullptr) {  // itabs may lie among the types; as a descriptor they have no kind
    const Entry* entry = Find(word);
    if (entry != nullptr && entry->valid && entry->kind != 0) return word;
  }
  uint64_t itab[3];
  if (!image_.Read(word, std::as_writable_bytes(std::span(itab)))) return 0;
  const Entry* interface = ModuleOf(itab[0]) != nullptr ? Find(itab[0]) : nullptr;
  if (interface == nullptr || interface->kind != kInterface) return 0;
  const auto hash = image_.Load<uint32_t>(itab[1] + 16);
  return hash && *hash == static_cast<uint32_t>(itab[2]) ? itab[1] : 0;
}

TypeKey TypeTable::FindBehind(uint64_t word) {
  auto found = words_.find(word);
  if (found == words_.end()) {
    if (words_.size() >= kMaxWords) {
      ++refused_;
      return 0;
    }
    found = words_.emplace(word, DescriptorBehind(word)).first;
  }
  const uint64_t descriptor = found->second;
  if (descriptor == 0 || KeyOf(descriptor) == 0) return 0;
  const Entry* entry = Find(descriptor);
  if (!entry->direct) return descriptor;
  if (entry->kind != kPointer) return PointeeOf(descriptor);
  const TypeKey element = KeyOf(entry->element);
  return element != 0 ? element : PointeeOf(descriptor);
}

}  // namespace tidemark::goheap
