// Random workloads whose live bytes are known exactly, each on a stack of its own:
// truth_subject ROUNDS SITES LIVE_BYTES SMALL INTERVAL SEED
//
// A round builds SITES workloads in turn, slice by slice, until each holds LIVE_BYTES or a little
// more; prints "site<k> ADDRESS" and "truth<k> BYTES" for each and "ready"; waits for a line; frees
// everything. A workload's sizes are up to SMALL bytes, or around INTERVAL (the sampling interval
// the test expects), or both. Truth is what was asked for, not what the allocator took.
#include <malloc.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <random>
#include <utility>
#include <vector>

namespace {

constexpr int kMaxSites = 20;
constexpr int kSlices = 16;

enum class Sizes { kSmall, kAroundInterval, kLogUniform, kMixed, kCount };

struct Block {
  void* at;
  size_t size;
};

struct Workload {
  std::vector<Block> blocks;  // room is reserved outside of the workload's own stack
  Sizes sizes{};
  uint64_t live_bytes = 0;
};

std::mt19937_64 random_source;
uint64_t small_bytes;
uint64_t interval_bytes;

uint64_t Uniform(uint64_t low, uint64_t high) { return low + random_source() % (high - low + 1); }

size_t DrawSize(Sizes sizes) {
  switch (sizes) {
    case Sizes::kSmall:
      return Uniform(1, small_bytes);
    case Sizes::kAroundInterval:
      return Uniform(interval_bytes / 16, interval_bytes);
    case Sizes::kLogUniform:
      for (uint64_t top = 16;; top *= 2) {
        if (top >= 4 * interval_bytes || random_source() % 8 == 0) return Uniform(top / 2, top);
      }
    default:
      return random_source() % 20 != 0 ? Uniform(1, small_bytes)
                                       : Uniform(interval_bytes / 8, 2 * interval_bytes);
  }
}

void* Allocate(size_t size) {
  const size_t alignment = size_t{16} << (random_source() % 6);
  void* block = nullptr;
  switch (random_source() % 6) {
    case 0:
      return std::calloc(1, size);
    case 1:
      return posix_memalign(&block, alignment, size) == 0 ? block : nullptr;
    case 2:
      return memalign(alignment, size);
    case 3:
      return std::realloc(nullptr, size);
    default:
      return std::malloc(size);
  }
}

void Add(Workload* work) {
  const size_t size = DrawSize(work->sizes);
  void* block = Allocate(size);
  if (block == nullptr) std::abort();
  work->blocks.push_back({block, size});
  work->live_bytes += size;
}

void Resize(Workload* work, Block* block) {
  const size_t size = DrawSize(work->sizes);
  work->live_bytes += size - block->size;
  *block = {std::realloc(block->at, size), size};
  if (block->at == nullptr) std::abort();
}

void Remove(Workload* work, Block* block) {
  std::free(block->at);
  work->live_bytes -= block->size;
  *block = work->blocks.back();
  work->blocks.pop_back();
}

// Of ten operations six allocate, two resize and two free.
[[gnu::noinline]] void Run(Workload* work, uint64_t until_bytes) {
  while (work->live_bytes < until_bytes) {
    const auto operation = random_source() % 10;
    if (operation < 6 || work->blocks.empty()) {
      Add(work);
      continue;
    }
    Block* any = &work->blocks[random_source() % work->blocks.size()];
    operation < 8 ? Resize(work, any) : Remove(work, any);
  }
}

// The frame a workload is told by. `K` keeps the instances apart.
template <int K>
[[gnu::noinline, gnu::aligned(64)]] void Site(Workload* work, uint64_t until_bytes) {
  Run(work, until_bytes);
  asm volatile("" ::"i"(K));
}

using SiteFunction = void (*)(Workload*, uint64_t);
template <int... K>
std::vector<SiteFunction> AllSites(std::integer_sequence<int, K...>) {
  return {&Site<K>...};
}

void Round(const std::vector<SiteFunction>& sites, std::vector<Workload>* works,
           uint64_t live_bytes) {
  for (Workload& work : *works)
    work.sizes = static_cast<Sizes>(random_source() % static_cast<uint64_t>(Sizes::kCount));
  for (int slice = 1; slice <= kSlices; ++slice) {
    for (size_t k = 0; k < works->size(); ++k)
      sites[k](&(*works)[k], live_bytes * static_cast<uint64_t>(slice) / kSlices);
  }
  for (size_t k = 0; k < works->size(); ++k) {
    std::printf("site%zu %p\ntruth%zu %llu\n", k, reinterpret_cast<void*>(sites[k]), k,
                static_cast<unsigned long long>((*works)[k].live_bytes));
  }
  std::puts("ready");
  std::fflush(stdout);
  if (std::getchar() == EOF) std::exit(0);
  for (Workload& work : *works) {
    for (const Block& block : work.blocks) std::free(block.at);
    work.blocks.clear();
    work.live_bytes = 0;
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7) return 2;
  const auto number = [&](int i) { return std::strtoull(argv[i], nullptr, 10); };
  const auto live_bytes = number(3);
  small_bytes = number(4);
  interval_bytes = number(5);
  random_source.seed(number(6));
  mallopt(M_TRIM_THRESHOLD, 1 << 30);  // the next round takes the same pages
  std::vector<Workload> works(number(2));
  if (works.size() > kMaxSites) return 2;
  for (Workload& work : works) work.blocks.reserve(live_bytes / 8);
  const auto sites = AllSites(std::make_integer_sequence<int, kMaxSites>());
  for (auto round = number(1); round > 0; --round) Round(sites, &works, live_bytes);
  return 0;
}
