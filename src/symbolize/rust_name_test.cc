#include "symbolize/rust_name.h"

#include <gtest/gtest.h>

namespace tidemark {
namespace {

// Names that rustc 1.95 wrote, with what c++filt 2.40 makes of them, less hashes and types of
// constants.
TEST(RustNameTest, V0NamesAreDemangled) {
  const struct {
    const char* mangled;
    const char* name;
  } kCases[] = {
      {"_RNvCs6GmmlP4bgsG_1r4main", "r::main"},
      {"_RNvCs6GmmlP4bgsG_1ru9gnr_bmabb", "r::généré"},
      {"_RINvNtNtCs6GmmlP4bgsG_1r4shop4span7archiveKj10_EB6_", "r::shop::span::archive::<16>"},
      {"_RINvNtNtCs6GmmlP4bgsG_1r4shop4span4withNCNvB6_4main0EB6_",
       "r::shop::span::with::<r::main::{closure#0}>"},
      {"_RNvXCs6GmmlP4bgsG_1rINtB2_5CacheNtNtCslNYArtu3iFV_5alloc6string6StringENtB2_4Keep4keepB2_",
       "<r::Cache<alloc::string::String> as r::Keep>::keep"},
      {"_RNvMs3_NtCslNYArtu3iFV_5alloc7raw_vecINtB5_6RawVecAhj10_E8grow_oneCs6GmmlP4bgsG_1r",
       "<alloc::raw_vec::RawVec<[u8; 16]>>::grow_one"},
      {"_RINvNtNtCsjrHSEGnQ3l9_3std3sys9backtrace28___rust_begin_short_backtraceFEuuECs6GmmlP4bgsG_"
       "1r",
       "std::sys::backtrace::__rust_begin_short_backtrace::<fn(), ()>"},
      {"_RNvXs1g_NtCsgEmfK2I1SDS_4core3fmtRINtNtCslNYArtu3iFV_5alloc5boxed3BoxDNtNtB8_5error5Error"
       "NtNtB8_6marker4SyncNtB1r_4SendEL_ENtB6_5Debug3fmtCsjrHSEGnQ3l9_3std",
       "<&alloc::boxed::Box<dyn core::error::Error + core::marker::Sync + core::marker::Send> as "
       "core::fmt::Debug>::fmt"},
      {"_RNSNvYNCINvNtCsjrHSEGnQ3l9_3std2rt10lang_startuE0INtNtNtCsgEmfK2I1SDS_4core3ops8function6F"
       "nOnceuE9call_once6vtableCs6GmmlP4bgsG_1r",
       "<std::rt::lang_start<()>::{closure#0} as "
       "core::ops::function::FnOnce<()>>::call_once::{shim:vtable#0}"},
      {"_RNvC4shop4keep.llvm.123", "shop::keep"},
  };
  for (const auto& c : kCases) {
    const auto name = DemangleRustV0(c.mangled);
    ASSERT_TRUE(name) << c.mangled;
    EXPECT_EQ(*name, c.name);
  }
}

TEST(RustNameTest, WhatIsNoRustNameIsRefused) {
  for (const char* name :
       {"", "_R", "_RX", "main", "_ZN4shop4KeepEi", "_RNvC4shop", "_RNvC9shop4keep",
        "_R1NvC4shop4keep", "_RNvC4shop4keep!", "_RB_", "_RNvB_4keep", "_RINvC1a1bLa_E",
        "_RINvC1a1bKj_", "_RNvC99999999999999999999a", "_RNvC1au1-"}) {
    EXPECT_FALSE(DemangleRustV0(name)) << name;
  }
}

TEST(RustNameTest, NestingAndLengthAreBounded) {
  std::string deep = "_RINvC1a1b";
  for (int i = 0; i < 100'000; ++i) deep += 'R';
  EXPECT_FALSE(DemangleRustV0(deep + "hE"));
  // Each tuple names the one before twice: 2^40 words if it were written out.
  std::string wide = "_RINvC1a1bTllE";
  std::string back = "T";
  size_t at = wide.size() - 6;  // of the tuple, behind "_R"
  for (int i = 0; i < 40; ++i) {
    std::string digits;
    constexpr char kDigits[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (size_t left = at - 1;; left /= 62) {
      digits.insert(digits.begin(), kDigits[left % 62]);
      if (left < 62) break;
    }
    at = wide.size() - 2;
    wide += "TB" + digits + "_B" + digits + "_E";
  }
  EXPECT_FALSE(DemangleRustV0(wide + "E"));
}

// Every name cut at every place, and with each byte changed: a name or none, never more.
TEST(RustNameTest, DamagedNamesDoNoHarm) {
  const std::string whole =
      "_RNvXs1g_NtCsgEmfK2I1SDS_4core3fmtRINtNtCslNYArtu3iFV_5alloc5boxed3BoxDNtNtB8_5error5Error"
      "NtNtB8_6marker4SyncNtB1r_4SendEL_ENtB6_5Debug3fmtCsjrHSEGnQ3l9_3std";
  size_t demangled = 0;
  for (size_t i = 0; i < whole.size(); ++i) {
    demangled += DemangleRustV0(whole.substr(0, i)).has_value();
    for (const char c : {'B', 'E', 'R', 'u', '9', '_', 'D', 'K', '\xff'}) {
      std::string changed = whole;
      changed[i] = c;
      demangled += DemangleRustV0(changed).has_value();
    }
  }
  EXPECT_LT(demangled, 10 * whole.size());
}

TEST(RustNameTest, LegacyNamesLoseTheirHashAndEscapes) {
  EXPECT_EQ(DecodeRustLegacy("shop::keep::h0123456789abcdef"), "shop::keep");
  EXPECT_EQ(DecodeRustLegacy("_$LT$T$GT$::a..b::h0123456789abcdef"), "<T>::a::b");
  EXPECT_EQ(DecodeRustLegacy("a::$u7b$$u7b$closure$u7d$$u7d$::h0123456789abcdef"),
            "a::{{closure}}");
  EXPECT_EQ(DecodeRustLegacy("a::$XX$b::h0123456789abcdef"), "a::$XX$b");
  EXPECT_FALSE(DecodeRustLegacy("shop::keep::h0000000000000000")) << "no hash";
  EXPECT_FALSE(DecodeRustLegacy("shop::keep"));
}

}  // namespace
}  // namespace tidemark
