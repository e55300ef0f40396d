// The ledger's tables on several threads beside a reader, with ThreadSanitizer and without it. The
// recorder itself cannot be run under it (both want malloc), nor the slab (its range lies where the
// sanitizer keeps its shadow): here the tables and the lock do what the hooks have them do.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "ledger/ledger_reader.h"
#include "recorder/ledger_writer.h"
#include "recorder/spin_lock.h"

namespace tidemark::recorder {
namespace {

constexpr int kThreads = 4;
constexpr int kEvents = 20'000;  // of each thread
constexpr uint64_t kSampleBytes = 4096;

// What the recorder holds under its lock.
struct Tables {
  SpinLock lock;
  LedgerWriter ledger;
};

struct Block {
  uint32_t slot;
};

class TableThreadsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "tidemark-table-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    tables_ = std::make_unique<Tables>();
    ASSERT_EQ(tables_->ledger.Create({.folder = folder_.c_str(), .sample_bytes = kSampleBytes}),
              ledger::OffReason::kNone);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string path() const { return folder_ + "/" + std::to_string(getpid()) + ".ledger"; }

  std::string folder_;
  std::unique_ptr<Tables> tables_;
};

// Every field of a sample follows from its size, so that a torn slot shows.
ledger::LiveSample SampleOf(uint64_t address, uint64_t size, uint32_t stack) {
  ledger::LiveSample sample = {};
  sample.address = address;
  sample.size = size;
  sample.stack = stack;
  for (uint8_t& byte : sample.trace_id) byte = static_cast<uint8_t>(size);
  for (uint8_t& byte : sample.span_id) byte = static_cast<uint8_t>(size >> 8);
  return sample;
}

bool IsWhole(const LedgerSample& sample) {
  for (const uint8_t byte : sample.trace_id) {
    if (byte != static_cast<uint8_t>(sample.size)) return false;
  }
  for (const uint8_t byte : sample.span_id) {
    if (byte != static_cast<uint8_t>(sample.size >> 8)) return false;
  }
  return sample.address != 0;
}

Block* Allocate(Tables* tables, std::mt19937* random, uint64_t thread) {
  const uint64_t size = 1 + (*random)() % 20'000;
  const uint64_t frames[] = {0x1000 + size % 97, 0x2000 + size % 13, 0x3000 + thread};
  auto* block = new Block;
  while (!tables->lock.TryLock()) std::this_thread::yield();
  const uint32_t stack = tables->ledger.InternStack(frames, std::size(frames));
  tables->ledger.CountAllocation(stack, static_cast<double>(size), 1);
  block->slot = tables->ledger.AddLive(SampleOf(reinterpret_cast<uint64_t>(block), size, stack));
  tables->lock.Unlock();
  return block;
}

void Free(Tables* tables, Block* block) {
  while (!tables->lock.TryLock()) std::this_thread::yield();
  if (tables->ledger.live_address(block->slot) == reinterpret_cast<uint64_t>(block)) {
    tables->ledger.RemoveLive(block->slot);
  } else {
    tables->ledger.CountLoss(ledger::Loss::kUnknownFree);
  }
  tables->lock.Unlock();
  delete block;
}

// Each thread allocates, frees some of its own and hands some to the next thread to free.
class Mailbox {
 public:
  Block* Exchange(Block* block) { return block_.exchange(block, std::memory_order_acq_rel); }

 private:
  std::atomic<Block*> block_{nullptr};
};

TEST_F(TableThreadsTest, ReadersSeeWholeSlotsWhileThreadsAllocateAndFree) {
  Mailbox mailboxes[kThreads];
  std::atomic<int> running{kThreads};
  std::vector<size_t> kept(kThreads);
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      std::mt19937 random(static_cast<unsigned>(thread));
      std::vector<Block*> own;
      for (int i = 0; i < kEvents; ++i) {
        own.push_back(Allocate(tables_.get(), &random, static_cast<uint64_t>(thread)));
        std::swap(own[random() % own.size()], own.back());
        if (random() % 4 == 0) continue;
        Block* block = own.back();
        own.pop_back();
        if (random() % 2 == 0) block = mailboxes[(thread + 1) % kThreads].Exchange(block);
        if (block != nullptr) Free(tables_.get(), block);
      }
      for (; own.size() > 100; own.pop_back()) Free(tables_.get(), own.back());
      kept[static_cast<size_t>(thread)] = own.size();
      --running;
    });
  }
  int reads = 0;
  while (running > 0 || reads == 0) {
    const auto snapshot = ReadLedger(path());
    ASSERT_TRUE(snapshot) << snapshot.error().message;
    EXPECT_EQ(snapshot->damaged, 0u);
    for (const LedgerSample& sample : snapshot->live) ASSERT_TRUE(IsWhole(sample)) << sample.size;
    ++reads;
  }
  for (std::thread& thread : threads) thread.join();

  size_t expected = kept[0] + kept[1] + kept[2] + kept[3];
  for (Mailbox& mailbox : mailboxes) expected += mailbox.Exchange(nullptr) != nullptr;
  const auto snapshot = ReadLedger(path());
  ASSERT_TRUE(snapshot) << snapshot.error().message;
  EXPECT_EQ(snapshot->live.size(), expected);
  EXPECT_EQ(snapshot->header.samples, uint64_t{kThreads} * kEvents);
  EXPECT_EQ(snapshot->header.losses[static_cast<size_t>(ledger::Loss::kUnknownFree)], 0u);
}

}  // namespace
}  // namespace tidemark::recorder
