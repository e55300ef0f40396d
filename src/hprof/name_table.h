// The dump's strings by their ids, in one arena.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

namespace tidemark::hprof {

class NameTable {
 public:
  static constexpr size_t kMaxBytes = size_t{512} << 20;
  static constexpr size_t kMaxNames = size_t{8} << 20;
  static constexpr size_t kMaxNameBytes = size_t{64} << 10;  // longer ones are cut

  // The first of an id counts.
  void Add(uint64_t id, std::string_view name);
  // "" = no such id. Valid until the next Add.
  std::string_view Find(uint64_t id) const;
  uint64_t refused() const { return refused_; }

 private:
  struct Place {
    uint32_t begin, bytes;
  };
  std::string arena_;
  std::unordered_map<uint64_t, Place> places_;
  uint64_t refused_ = 0;
};

// "[Ljava/lang/String;" and "java/util/Map$Entry" as Java writes them: "java.lang.String[]".
std::string JavaTypeName(std::string_view name);

}  // namespace tidemark::hprof
