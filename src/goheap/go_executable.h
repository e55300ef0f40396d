// The executable of a Go program: its globals, its type descriptors, the bytes it was linked with.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "symbolize/elf_file.h"

namespace tidemark::goheap {

// Kinds of types, as internal/abi numbers them.
enum class GoKind : uint8_t {
  kInvalid = 0,
  kUint8 = 8,
  kArray = 17,
  kChan = 18,
  kFunc = 19,
  kInterface = 20,
  kMap = 21,
  kPointer = 22,
  kSlice = 23,
  kString = 24,
  kStruct = 25,
  kUnsafePointer = 26,
};

struct GoField {
  std::string name;
  uint64_t type = 0;  // link address of its descriptor
  uint64_t offset = 0;
};

// A type as its descriptor (internal/abi.Type) says. Addresses are those of linking.
struct GoType {
  std::string name;  // "trace.recordingSpan", "*trace.recordingSpan", "map[string]trace.Span"
  uint64_t bytes = 0;
  uint64_t pointer_bytes = 0;  // behind these a value holds no pointer
  GoKind kind = GoKind::kInvalid;
  bool pointer_shaped = false;  // an interface holds the value itself as its data word
  uint64_t element = 0;         // of arrays, slices, pointers, channels; a map's values
  uint64_t key = 0;             // of maps
  uint64_t group = 0;           // of maps: the group since Go 1.24, the bucket before
  uint64_t length = 0;          // of arrays
  std::vector<GoField> fields;  // of structs; at most 65,535
};

struct GoGlobal {
  uint64_t address = 0, bytes = 0;  // as linked
  std::string name;                 // "main.leakySpanCache"
};

// Owned by one thread.
class GoExecutable {
 public:
  // Errors: not found, corrupt (no ELF), invalid argument (no 64-bit little-endian Go program).
  static Result<std::unique_ptr<GoExecutable>> Open(const std::string& path);

  const std::string& path() const { return file_->path(); }
  const std::string& version() const { return version_; }  // "go1.24.4", perhaps with " X:..."
  int minor() const;  // 24 of "go1.24.4"; 99 when the version is not known
  ElfFile& file() const { return *file_; }

  // Link address of a symbol of package runtime; nothing when it is not there. Of a stripped
  // program (-s) those that its module data has: types, etypes, data, edata, bss, ebss.
  std::optional<uint64_t> Symbol(std::string_view name) const;
  // Variables, by address; none when stripped.
  const std::vector<GoGlobal>& globals() const { return globals_; }
  const GoGlobal* GlobalAt(uint64_t address) const;

  // The type whose descriptor is at a link address; null when there is none that makes sense.
  // Remembers at most kMaxTypes.
  const GoType* TypeAt(uint64_t descriptor) const;
  static constexpr size_t kMaxTypes = 1 << 18;

  // As many bytes at a link address as the file has, `count` at most. Pointers in them are as
  // linked only where PointerAt is asked.
  std::span<const std::byte> Bytes(uint64_t address, size_t count) const;
  std::optional<uint64_t> PointerAt(uint64_t address) const;
  template <typename T>
  std::optional<T> Read(uint64_t address) const {
    const auto bytes = Bytes(address, sizeof(T));
    if (bytes.size() < sizeof(T)) return std::nullopt;
    T value;
    __builtin_memcpy(&value, bytes.data(), sizeof value);
    return value;
  }

 private:
  struct Segment {
    uint64_t address;
    std::span<const std::byte> bytes;
  };
  explicit GoExecutable(std::unique_ptr<ElfFile> file) : file_(std::move(file)) {}
  Result<void> ReadTables();
  void ReadSymbols();
  void ReadRelocations();
  void ReadVersion();
  void ReadStrippedVersion();
  void ReadModule();
  bool ReadModuleAt(uint64_t address);
  std::string NameAt(uint64_t address) const;
  bool ReadType(uint64_t descriptor, GoType* type) const;
  void ReadFields(uint64_t descriptor, GoType* type) const;

  std::unique_ptr<ElfFile> file_;
  std::vector<Segment> segments_;
  std::vector<GoGlobal> globals_;
  std::unordered_map<std::string, uint64_t> symbols_;  // of package runtime, data only
  std::unordered_map<uint64_t, uint64_t> relocated_;   // PIE: pointers the loader fills in
  std::string version_;
  mutable std::unordered_map<uint64_t, std::unique_ptr<GoType>> types_;
  mutable size_t fields_ = 0;  // of all types_
};

}  // namespace tidemark::goheap
