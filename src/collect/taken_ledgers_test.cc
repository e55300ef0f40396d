#include "collect/taken_ledgers.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collect/fake_root.h"

namespace tidemark {
namespace {

class TakenLedgersTest : public ::testing::Test {
 protected:
  TakenLedgersTest() {
    for (const char* name : {"/pod/1.ledger", "/2.ledger", "/3.ledger"}) root_.Write(name, "x");
  }
  LedgerFile File(uint64_t pid) const {
    for (const LedgerFile& file : ListLedgers(root_.path(), 10).files) {
      if (file.pid == pid) return file;
    }
    ADD_FAILURE() << "no ledger " << pid;
    return {};
  }
  std::string StatePath() const { return root_.path() + "/.tidemark-taken"; }
  std::set<LedgerFile> Reloaded() const { return TakenLedgers(root_.path()).Load(); }

  FakeRoot root_;
};

TEST_F(TakenLedgersTest, AnotherWatchKnowsWhatWasTaken) {
  TakenLedgers taken(root_.path());
  EXPECT_TRUE(taken.Load().empty());
  taken.Add(File(1));
  taken.Add(File(2));
  EXPECT_EQ(Reloaded(), (std::set<LedgerFile>{File(1), File(2)}));
}

TEST_F(TakenLedgersTest, LedgersThatAreGoneAreForgotten) {
  TakenLedgers taken(root_.path());
  taken.Add(File(1));
  taken.Add(File(2));
  RemoveLedgerFile(File(1));
  EXPECT_EQ(Reloaded(), std::set<LedgerFile>{File(2)});
  taken.Add(File(3));
  EXPECT_EQ(Reloaded(), (std::set<LedgerFile>{File(2), File(3)}));
}

TEST_F(TakenLedgersTest, AnotherLedgerOfTheSameNameWasNotTaken) {
  TakenLedgers taken(root_.path());
  LedgerFile file = File(2);
  ++file.inode;
  taken.Add(file);
  EXPECT_TRUE(Reloaded().empty());
}

TEST_F(TakenLedgersTest, NonsenseIsNothing) {
  for (const char* text :
       {"", "tidemark-taken 2\n1 1 1 x\n", "tidemark-taken 1\n", "tidemark-taken 1\nx\n",
        "tidemark-taken 1\n1 1 1\n", "tidemark-taken 1\n-1 99999999999999999999 1 /etc/passwd\n"}) {
    root_.Write("/.tidemark-taken", text);
    EXPECT_TRUE(Reloaded().empty()) << text;
  }
}

TEST_F(TakenLedgersTest, NoMoreLinesAreReadThanLedgersRemembered) {
  std::set<LedgerFile> many;
  for (uint64_t inode = 1; inode <= TakenLedgers::kMaxLedgers + 1; ++inode) {
    many.insert({.path = "/a", .pid = 1, .inode = inode});
  }
  EXPECT_EQ(TakenLedgers::Parse(TakenLedgers::Text(many)).size(), TakenLedgers::kMaxLedgers);
}

TEST_F(TakenLedgersTest, LinksAreNotFollowed) {
  root_.Write("/elsewhere", "tidemark-taken 1\n");
  ASSERT_EQ(symlink((root_.path() + "/elsewhere").c_str(), StatePath().c_str()), 0);
  ASSERT_EQ(symlink((root_.path() + "/elsewhere").c_str(), (StatePath() + ".new").c_str()), 0);
  TakenLedgers(root_.path()).Add(File(1));
  struct stat info;
  ASSERT_EQ(stat((root_.path() + "/elsewhere").c_str(), &info), 0);
  EXPECT_EQ(info.st_size, 17) << "the link's end is as it was";
  EXPECT_EQ(Reloaded(), std::set<LedgerFile>{File(1)});
}

}  // namespace
}  // namespace tidemark
