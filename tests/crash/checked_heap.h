// Blocks whose content tells whose they are: any that is lost, moved or handed out twice ends the
// program with 7. One thread each.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#define CHECK(condition)                                                   \
  do {                                                                     \
    if (!(condition)) {                                                    \
      std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
      std::_Exit(7);                                                       \
    }                                                                      \
  } while (0)

namespace tidemark::crash {

class Heap {
 public:
  explicit Heap(uint64_t seed) : state_(seed * 2 + 1) {}
  ~Heap() {
    for (Block& block : blocks_) Release(&block);
  }
  Heap(const Heap&) = delete;
  Heap& operator=(const Heap&) = delete;

  void Step() {
    Block* block = &blocks_[Draw() % kBlocks];
    Check(*block);
    const size_t size = 1 + Draw() % (Draw() % 16 == 0 ? 40'000 : 300);
    block->at = static_cast<unsigned char*>(std::realloc(block->at, size));
    CHECK(block->at != nullptr);
    block->size = size;
    block->fill = static_cast<unsigned char>(Draw());
    std::memset(block->at, block->fill, size);
    if (Draw() % 3 == 0) Release(block);
  }
  void Steps(long count) {
    for (long i = 0; i < count; ++i) Step();
  }

 private:
  static constexpr size_t kBlocks = 64;
  struct Block {
    unsigned char* at = nullptr;
    size_t size = 0;
    unsigned char fill = 0;
  };

  uint64_t Draw() {
    state_ = state_ * 6364136223846793005 + 1442695040888963407;
    return state_ >> 33;
  }
  static void Check(const Block& block) {
    if (block.size == 0) return;
    CHECK(block.at[0] == block.fill && block.at[block.size / 2] == block.fill &&
          block.at[block.size - 1] == block.fill);
  }
  static void Release(Block* block) {
    Check(*block);
    std::free(block->at);
    *block = {};
  }

  uint64_t state_;
  Block blocks_[kBlocks];
};

}  // namespace tidemark::crash
