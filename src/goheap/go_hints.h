// What the first word of an interface says of the object behind its second.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "goheap/go_types.h"

namespace tidemark::goheap {

// From words (addresses of itabs and of type descriptors) to keys as of go_types.h. Filled from the
// types and itabs of a dump, which come before its objects. At most kMaxWords, 16 MiB; what comes
// after that is counted and gives no hints.
class GoHints {
 public:
  static constexpr size_t kMaxWords = size_t{1} << 19;

  GoHints();
  void SetArenas(uint64_t begin, uint64_t end) {
    arena_begin_ = begin;
    arena_end_ = end;
  }
  // A type of the dump; tells it to the sink, with the derived key where there is one.
  void AddType(TypeKey descriptor, uint64_t bytes, std::string_view name, bool data_is_pointer,
               heapgraph::HeapSink& sink);
  void AddItab(uint64_t itab, TypeKey descriptor);

  // 0: the word is neither, as far as one can see. A word that must be a descriptor, of its place,
  // but is not among the types is told to the sink as BehindInterface.
  TypeKey Of(uint64_t word, heapgraph::HeapSink& sink) {
    if (word < 4096 || (word & 7) != 0) return 0;
    const Entry& entry = entries_[Find(word)];
    if (entry.word == word) return entry.key;
    return LooksLikeDescriptor(word) ? Unseen(word, sink) : 0;
  }
  // Whether a header word may be taken for a descriptor.
  bool MayBeDescriptor(uint64_t word) const {
    return word >= 4096 && (word & 7) == 0 &&
           (LooksLikeDescriptor(word) || entries_[Find(word)].word == word || InArenas(word));
  }

  bool InArenas(uint64_t word) const { return word - arena_begin_ < arena_end_ - arena_begin_; }

  size_t types() const { return types_; }
  size_t itabs() const { return itabs_; }
  size_t refused() const { return refused_; }

 private:
  struct Entry {
    uint64_t word = 0;
    TypeKey key = 0;
  };
  size_t Find(uint64_t word) const {
    size_t slot = (word * 0x9e3779b97f4a7c15) >> shift_;
    while (entries_[slot].word != 0 && entries_[slot].word != word) {
      slot = (slot + 1) & (entries_.size() - 1);
    }
    return slot;
  }
  // Between the lowest and the highest descriptor of the executable that is known.
  bool LooksLikeDescriptor(uint64_t word) const { return word - lowest_ <= highest_ - lowest_; }
  bool Add(uint64_t word, TypeKey key);
  TypeKey Unseen(uint64_t word, heapgraph::HeapSink& sink);

  std::vector<Entry> entries_;  // open addressing, a power of two
  unsigned shift_;
  size_t used_ = 0, types_ = 0, itabs_ = 0, refused_ = 0;
  uint64_t arena_begin_ = 0, arena_end_ = 0;
  uint64_t lowest_ = 0, highest_ = 0;  // of the executable's descriptors; 0: none yet
};

}  // namespace tidemark::goheap
