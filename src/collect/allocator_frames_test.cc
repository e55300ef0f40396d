#include "collect/allocator_frames.h"

#include <gtest/gtest.h>

#include <regex>

namespace tidemark {
namespace {

SymbolFrame Frame(const char* function) { return {function, function}; }

TEST(AllocatorFramesTest, LeafFramesOfTheLibraryAreCountedUpToTheProgramsOwn) {
  const std::vector<SymbolFrame> frames = {
      Frame("operator new"), Frame("std::vector<int, std::allocator<int> >::push_back"),
      Frame("shop::Keep"), Frame("std::thread::_State_impl<int>::_M_run")};
  EXPECT_EQ(LeadingPlumbing(frames), 2u);
  EXPECT_EQ(LeadingPlumbing({Frame("shop::Keep")}), 0u);
  EXPECT_EQ(LeadingPlumbing({Frame("malloc"), Frame("strdup")}), 2u);
  EXPECT_EQ(LeadingPlumbing({}), 0u);
}

TEST(AllocatorFramesTest, NamesThatOnlyLookAlikeAreTheProgramsOwn) {
  for (const char* name : {"mallocator", "standard::Keep", "my::operator new", "Keep"}) {
    EXPECT_FALSE(IsAllocatorPlumbing(name)) << name;
  }
}

// pprof matches the whole name; what lies above the program's code must never match.
TEST(AllocatorFramesTest, DropPatternMatchesAllocatorsAndNothingThatCallsTheProgram) {
  const std::regex pattern("^(" + DropFramesPattern() + ")$");
  for (const char* name :
       {"malloc", "__libc_calloc", "operator new", "operator new[]", "strdup", "valloc",
        "std::__new_allocator<int>::allocate", "__gnu_cxx::new_allocator<int>::allocate",
        "std::allocator_traits<std::allocator<int> >::allocate"}) {
    EXPECT_TRUE(std::regex_match(name, pattern)) << name;
  }
  for (const char* name :
       {"std::thread::_State_impl<int>::_M_run", "std::function<void ()>::operator()",
        "std::vector<int, std::allocator<int> >::push_back", "shop::allocate", "my_malloc",
        "std::sort<int*>"}) {
    EXPECT_FALSE(std::regex_match(name, pattern)) << name;
  }
}

}  // namespace
}  // namespace tidemark
