#include "detect/verdict.h"

#include <gtest/gtest.h>

namespace tidemark {
namespace {

Verdict Named(const char* id) {
  Verdict verdict;
  verdict.id = id;
  return verdict;
}

TEST(VerdictBookTest, ChangedVerdictsAreTakenOnceInOrderOfOpening) {
  VerdictBook book(10);
  const uint64_t a = book.Open(Named("a"));
  book.Open(Named("b"));
  EXPECT_EQ(book.TakeChanged().size(), 2u);
  EXPECT_TRUE(book.TakeChanged().empty());
  book.Change(a).z = 7;
  const auto changed = book.TakeChanged();
  ASSERT_EQ(changed.size(), 1u);
  EXPECT_EQ(changed[0].id, "a");
  EXPECT_EQ(changed[0].z, 7);
}

TEST(VerdictBookTest, OldestClosedAreForgottenOpenOnesNever) {
  VerdictBook book(2);
  book.Open(Named("open"));
  for (const char* id : {"a", "b", "c", "d"}) book.Close(book.Open(Named(id)), 1);
  const auto all = book.All();
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].id, "open");
  EXPECT_EQ(all[1].id, "c");
  EXPECT_EQ(all[2].id, "d");
  EXPECT_EQ(book.forgotten(), 2u);
}

}  // namespace
}  // namespace tidemark
