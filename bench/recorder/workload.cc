// What bench/recorder/run measures: workload MODE COUNT.
//   pair    malloc and free of 64 bytes, COUNT times
//   churn   COUNT replacements in a set of 4,096 blocks of 16 to 2,000 bytes
//   server  COUNT requests: 45 allocations of 185 bytes on average, used by some 220,000
//           instructions of work, a 1 in 50 response kept
//   serve2  the same COUNT requests on each of two threads; prints requests a second
//   live    keeps COUNT blocks of 100 bytes, allocated on 4,096 stacks; prints its memory
//   none    only starts
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

thread_local uint64_t random_state = 88172645463325252;
uint32_t Random() {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return static_cast<uint32_t>(random_state >> 16);
}

[[gnu::noinline]] void* Allocate(size_t bytes) {
  void* block = std::malloc(bytes);
  asm volatile("" ::"r"(block) : "memory");
  return block;
}

void Pair(long count) {
  for (long i = 0; i < count; ++i) std::free(Allocate(64));
}

void Churn(long count) {
  std::vector<void*> blocks(4096);
  for (long i = 0; i < count; ++i) {
    void*& block = blocks[Random() % blocks.size()];
    std::free(block);
    block = Allocate(16 + Random() % 1985);
  }
  for (void* block : blocks) std::free(block);
}

// Hashing stands for parsing and rendering.
[[gnu::noinline]] uint64_t Work(const std::vector<std::unique_ptr<std::string>>& parts) {
  uint64_t hash = 1469598103934665603;
  for (int round = 0; round < 5; ++round) {
    for (const auto& part : parts) {
      for (const char c : *part) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211;
    }
  }
  return hash;
}

uint64_t Server(long count) {
  thread_local std::vector<std::unique_ptr<std::string>> kept;
  uint64_t sum = 0;
  for (long i = 0; i < count; ++i) {
    std::vector<std::unique_ptr<std::string>> parts;
    parts.reserve(22);
    for (int k = 0; k < 22; ++k)
      parts.push_back(std::make_unique<std::string>(40 + Random() % 600, 'x'));
    sum += Work(parts);
    if (i % 50 == 0) kept.push_back(std::move(parts[0]));
  }
  return sum;
}

void Serve2(long count) {
  const auto start = std::chrono::steady_clock::now();
  std::thread other([count] { Server(count); });
  Server(count);
  other.join();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  std::printf("requests_per_second %.0f\n", 2.0 * static_cast<double>(count) / took.count());
}

// Three levels of 16 functions each: `which` chooses one of 4,096 stacks.
template <int Level, int Site>
[[gnu::noinline]] void* Step(uint32_t which);

template <int Level, int... Site>
void* Descend(uint32_t which, std::integer_sequence<int, Site...>) {
  using Function = void* (*)(uint32_t);
  static constexpr Function kSteps[] = {&Step<Level, Site>...};
  return kSteps[which % sizeof...(Site)](which / sizeof...(Site));
}

template <int Level, int Site>
void* Step(uint32_t which) {
  void* block;
  if constexpr (Level == 0) {
    block = Allocate(100);
  } else {
    block = Descend<Level - 1>(which, std::make_integer_sequence<int, 16>());
  }
  asm volatile("" ::"i"(Site), "r"(block) : "memory");
  return block;
}

void Live(long count) {
  std::vector<void*> blocks(static_cast<size_t>(count));
  for (void*& block : blocks) block = Descend<2>(Random(), std::make_integer_sequence<int, 16>());
  std::FILE* status = std::fopen("/proc/self/status", "r");
  for (char line[256]; status != nullptr && std::fgets(line, sizeof line, status) != nullptr;) {
    if (std::strncmp(line, "Rss", 3) == 0 || std::strncmp(line, "VmRSS", 5) == 0)
      std::fputs(line, stdout);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 2 ? argv[1] : "";
  const long count = argc > 2 ? std::atol(argv[2]) : 0;
  if (mode == "none") return 0;
  if (mode == "pair") return Pair(count), 0;
  if (mode == "churn") return Churn(count), 0;
  if (mode == "server") return Server(count) == 1;
  if (mode == "serve2") return Serve2(count), 0;
  if (mode == "live") return Live(count), 0;
  std::fprintf(stderr, "usage: workload none|pair|churn|server|serve2|live COUNT\n");
  return 2;
}
