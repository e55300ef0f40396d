#include "symbolize/symbol_name.h"

#include <gtest/gtest.h>

namespace tidemark {
namespace {

TEST(SymbolNameTest, ItaniumNamesAreDemangledAndOthersKept) {
  EXPECT_EQ(Demangle("_ZN4shop4KeepEi"), "shop::Keep(int)");
  EXPECT_EQ(Demangle("main"), "main");
  EXPECT_EQ(Demangle("_Znot_a_name"), "_Znot_a_name");
  EXPECT_EQ(Demangle(""), "");
}

TEST(SymbolNameTest, RustAndGoNamesAreReadable) {
  const struct {
    const char* system_name;
    const char* name;
  } kCases[] = {
      {"_ZN4core3ptr42drop_in_place$LT$alloc..string..String$GT$17h0123456789abcdefE",
       "core::ptr::drop_in_place<alloc::string::String>"},
      {"_ZN65_$LT$shop..Cache$LT$T$GT$$u20$as$u20$shop..Keep$LT$$RF$u8$GT$$GT$"
       "4keep17hfedcba9876543210E",
       "<shop::Cache<T> as shop::Keep<&u8>>::keep"},
      {"_RNvC4shop4keep", "shop::keep"},
      {"_RNvMC4shopNtB2_5Cache3add", "<shop::Cache>::add"},
      {"main.(*Server).Handle", "main.(*Server).Handle"},
      {"gopkg.in/yaml%2ev3.Unmarshal", "gopkg.in/yaml.v3.Unmarshal"},
      {"main._Cfunc_malloc", "main.C.malloc"},
      {"_cgo_0123456789ab_Cfunc_malloc", "C.malloc"},
      {"my_Cfunc_x", "my_Cfunc_x"},
      {"type:.eq.[2]interface {}", "type:.eq.[2]interface {}"},
  };
  for (const auto& c : kCases) EXPECT_EQ(ReadableName(c.system_name), c.name);
}

TEST(SymbolNameTest, ParametersReturnTypesAndSuffixesAreCut) {
  const struct {
    const char* full;
    const char* name;
  } kCases[] = {
      {"shop::Keep(int, char)", "shop::Keep"},
      {"shop::Archive::Size() const", "shop::Archive::Size"},
      {"void shop::Keep<std::vector<int> >(std::vector<int>)", "shop::Keep<std::vector<int> >"},
      {"(anonymous namespace)::Leak(int)", "(anonymous namespace)::Leak"},
      {"shop::Run()::{lambda(int)#1}::operator()(int) const",
       "shop::Run()::{lambda(int)#1}::operator()"},
      {"shop::Call::operator()() const", "shop::Call::operator()"},
      {"operator new(unsigned long)", "operator new"},
      {"shop::Keep(void (*)(int)) [clone .cold]", "shop::Keep"},
      {"std::ostream& std::operator<< <char>(std::ostream&, char)", "std::operator<< <char>"},
      {"shop::Id::operator bool() const", "shop::Id::operator bool"},
      {"main", "main"},
      {"", ""},
      {")", ")"},
      {"((", "(("},
  };
  for (const auto& c : kCases) EXPECT_EQ(WithoutParameters(c.full), c.name);
}

TEST(SymbolNameTest, LongNamesLoseTheirTemplateArguments) {
  EXPECT_EQ(WithShortTemplates("a::Map<int, b<c> >::Put<d>", 10), "a::Map<...>::Put<...>");
  EXPECT_EQ(WithShortTemplates("std::operator<< <char, d<e> >", 10),
            "std::operator<< <char, d<...> >");
  EXPECT_EQ(WithShortTemplates("f<decltype (a->b)>::g", 10), "f<...>::g");
  EXPECT_EQ(WithShortTemplates("a::Map<int>::Put"), "a::Map<int>::Put");
  EXPECT_EQ(ReadableName("_ZN4shop4KeepEi"), "shop::Keep");
}

}  // namespace
}  // namespace tidemark
