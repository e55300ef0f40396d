#include "symbolize/symbolizer.h"

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "symbolize/elf_file.h"
#include "symbolize/fixture/inlined.h"

namespace tidemark {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

// The file offset of the return address that the fixture captured. The fixture's first segment
// holds file offset 0 at its load address, and its code lies at equal offset and address.
uint64_t CapturedOffset(int (*keep)(int) = fixture::KeepEndedSpan) {
  keep(1);
  Dl_info info;
  EXPECT_NE(dladdr(reinterpret_cast<void*>(fixture::captured_return_address), &info), 0);
  const uint64_t address =
      fixture::captured_return_address - reinterpret_cast<uint64_t>(info.dli_fbase);
  auto file = ElfFile::Open(FIXTURE_PATH);
  EXPECT_TRUE(file);
  for (uint64_t offset = address & 0xfff; offset < (1 << 20); offset += 0x1000) {
    if ((*file)->AddressOfOffset(offset) == address) return offset;
  }
  ADD_FAILURE() << "no file offset maps to " << address;
  return 0;
}

std::string BuildIdOf(const std::string& path) { return (*ElfFile::Open(path))->BuildId(); }

void ExpectWholeChain(const std::vector<SymbolFrame>& frames) {
  ASSERT_EQ(frames.size(), 3u);
  EXPECT_THAT(frames[0].function, EndsWith("(anonymous namespace)::Grow"));
  EXPECT_EQ(frames[1].function, "fixture::Store<int>::Put");
  EXPECT_EQ(frames[2].function, "fixture::KeepEndedSpan");
  EXPECT_EQ(frames[2].system_name, "_ZN7fixture13KeepEndedSpanEi");
  EXPECT_EQ(frames[0].line, fixture::kGrowLine);
  EXPECT_EQ(frames[1].line, fixture::kStoreLine);
  EXPECT_EQ(frames[2].line, fixture::kKeepLine);
  for (const SymbolFrame& frame : frames) EXPECT_THAT(frame.file, EndsWith("fixture/inlined.cc"));
}

class TempDir {
 public:
  TempDir()
      : path_(std::filesystem::temp_directory_path() / ("symbolize-" + std::to_string(getpid()))) {
    std::filesystem::create_directories(path_);
  }
  ~TempDir() { std::filesystem::remove_all(path_); }
  std::string operator/(const char* name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

std::string ReadAll(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void WriteAll(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

TEST(SymbolizerTest, InlinedCallsGiveEachTheirOwnFunctionFileAndLine) {
  Symbolizer symbolizer;
  ExpectWholeChain(symbolizer.Frames({FIXTURE_PATH, BuildIdOf(FIXTURE_PATH)}, CapturedOffset()));
}

TEST(SymbolizerTest, LambdasAreNamedAfterTheFunctionAroundThem) {
  Symbolizer symbolizer;
  const auto frames = symbolizer.Frames({FIXTURE_PATH, ""}, CapturedOffset(fixture::KeepInLambda));
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_THAT(frames[0].function, HasSubstr("fixture::KeepInLambda"));
  EXPECT_THAT(frames[0].function, HasSubstr("{lambda"));
  EXPECT_THAT(frames[0].function, EndsWith("::operator()"));
}

TEST(SymbolizerTest, SecondLookUpOfAnAddressComesFromTheCache) {
  Symbolizer symbolizer;
  const uint64_t offset = CapturedOffset();
  const auto first = symbolizer.Frames({FIXTURE_PATH, ""}, offset);
  EXPECT_EQ(symbolizer.Frames({FIXTURE_PATH, ""}, offset), first);
  EXPECT_EQ(symbolizer.stats().cache_hits, 1u);
  EXPECT_EQ(symbolizer.stats().modules_opened, 1u);
}

TEST(SymbolizerTest, ReturnAddressAtTheEndOfAFunctionBelongsToTheCallBeforeIt) {
  auto file = ElfFile::Open(FIXTURE_PATH);
  ASSERT_TRUE(file);
  const auto symbols = FunctionSymbolsOf(**file, 1000);
  for (const FunctionSymbol& symbol : symbols) {
    if (symbol.name != "FixtureCapture") continue;
    uint64_t offset = 0;  // of the first byte after the function
    while ((*file)->AddressOfOffset(offset) != symbol.address) ++offset;
    offset += symbol.size;
    Symbolizer symbolizer;
    const auto frames = symbolizer.Frames({FIXTURE_PATH, ""}, offset, AddressKind::kReturn);
    ASSERT_EQ(frames.size(), 1u);
    EXPECT_EQ(frames[0].function, "FixtureCapture");
    for (const auto& frame : symbolizer.Frames({FIXTURE_PATH, ""}, offset, AddressKind::kExact)) {
      EXPECT_NE(frame.function, "FixtureCapture");
    }
    return;
  }
  FAIL() << "FixtureCapture is not among " << symbols.size() << " symbols";
}

TEST(SymbolizerTest, StrippedFileIsReadThroughItsDebuglink) {
  Symbolizer symbolizer;
  const std::string id = BuildIdOf(STRIPPED_PATH);
  ExpectWholeChain(symbolizer.Frames({STRIPPED_PATH, id}, CapturedOffset()));
}

TEST(SymbolizerTest, StrippedFileIsReadThroughTheBuildIdDirectory) {
  TempDir dir;
  const std::string id = BuildIdOf(STRIPPED_PATH);
  const std::string folder = dir / ".build-id/" + id.substr(0, 2);
  std::filesystem::create_directories(folder);
  std::filesystem::copy_file(STRIPPED_PATH ".debug", folder + "/" + id.substr(2) + ".debug");
  std::filesystem::copy_file(STRIPPED_PATH, dir / "alone.so");
  Symbolizer with({.debug_directories = {dir / ""}});
  ExpectWholeChain(with.Frames({dir / "alone.so", id}, CapturedOffset()));
}

TEST(SymbolizerTest, StrippedFileIsReadThroughADebuginfodCache) {
  TempDir dir;
  const std::string id = BuildIdOf(STRIPPED_PATH);
  const std::string folder = dir / "cache/" + id;
  std::filesystem::create_directories(folder);
  std::filesystem::copy_file(STRIPPED_PATH ".debug", folder + "/debuginfo");
  std::filesystem::copy_file(STRIPPED_PATH, dir / "alone.so");
  Symbolizer with({.debug_directories = {}, .cache_directories = {dir / "cache"}});
  ExpectWholeChain(with.Frames({dir / "alone.so", id}, CapturedOffset()));
  // The module itself is gone: its cached copy stands in, if the build id is known.
  std::filesystem::copy_file(STRIPPED_PATH, folder + "/executable");
  Symbolizer gone({.debug_directories = {}, .cache_directories = {dir / "cache"}});
  ExpectWholeChain(gone.Frames({dir / "gone.so", id}, CapturedOffset()));
  EXPECT_TRUE(gone.Frames({dir / "gone.so", ""}, CapturedOffset()).empty());
}

TEST(SymbolizerTest, DebuglinkIsLookedForInTheDebugDirectoriesToo) {
  TempDir dir;
  std::filesystem::create_directories(dir / "debug");
  std::filesystem::create_directories(dir / "lib");
  std::filesystem::copy_file(STRIPPED_PATH, dir / "lib/alone.so");
  std::filesystem::copy_file(STRIPPED_PATH ".debug", dir / "debug/stripped.so.debug");
  Symbolizer with({.debug_directories = {dir / "debug"}});
  ExpectWholeChain(with.Frames({dir / "lib/alone.so", ""}, CapturedOffset()));
}

TEST(SymbolizerTest, ModuleIsOpenedBelowItsProcessRoot) {
  TempDir dir;
  std::filesystem::create_directories(dir / "root/app");
  std::filesystem::copy_file(FIXTURE_PATH, dir / "root/app/lib.so");
  const std::string id = BuildIdOf(FIXTURE_PATH);
  Symbolizer symbolizer;
  EXPECT_TRUE(symbolizer.Frames({"/app/lib.so", id, dir / "other"}, CapturedOffset()).empty());
  ExpectWholeChain(symbolizer.Frames({"/app/lib.so", id, dir / "root"}, CapturedOffset()));
  // What is known stays when the process, and its root with it, is gone.
  std::filesystem::remove_all(dir / "root");
  ExpectWholeChain(symbolizer.Frames({"/app/lib.so", id, dir / "root"}, CapturedOffset()));
}

TEST(SymbolizerTest, FilesThatAreReadGiveTheSameAndTruncationEndsNobody) {
  TempDir dir;
  std::filesystem::copy_file(FIXTURE_PATH, dir / "lib.so");
  const uint64_t offset = CapturedOffset();
  Symbolizer reading({.map_files = false});
  ExpectWholeChain(reading.Frames({dir / "lib.so", ""}, offset));
  std::filesystem::resize_file(dir / "lib.so", 4096);
  for (uint64_t at = 0; at < 4096; at += 16) reading.Frames({dir / "lib.so", ""}, offset + at);
}

TEST(SymbolizerTest, FileTooLargeToReadIsRefusedWithItsSize) {
  Symbolizer reading({.map_files = false, .max_read_bytes = 1000});
  EXPECT_TRUE(reading.Frames({FIXTURE_PATH, ""}, CapturedOffset()).empty());
  const auto status = reading.ModuleStatus({FIXTURE_PATH, ""});
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message, HasSubstr("1000"));
}

TEST(SymbolizerTest, CachesAreThoseOfDebuginfodsEnvironmentWithoutItsNetwork) {
  std::map<std::string, std::string> values = {
      {"HOME", "/h"}, {"DEBUGINFOD_URLS", "https://a.example file:///srv/debug  file:///b"}};
  const auto environment = [&](const std::string& name) { return values[name]; };
  EXPECT_EQ(DebuginfodDirectories(environment),
            (std::vector<std::string>{"/h/.cache/debuginfod_client", "/h/.debuginfod_client_cache",
                                      "/srv/debug/buildid", "/b/buildid"}));
  values = {{"HOME", "/h"}, {"XDG_CACHE_HOME", "/x"}};
  EXPECT_EQ(DebuginfodDirectories(environment),
            (std::vector<std::string>{"/x/debuginfod_client", "/h/.debuginfod_client_cache"}));
  values = {{"HOME", "/h"}, {"DEBUGINFOD_CACHE_PATH", "/c"}};
  EXPECT_EQ(DebuginfodDirectories(environment), std::vector<std::string>{"/c"});
}

TEST(SymbolizerTest, WithoutDebugInformationTheExportedNameRemains) {
  TempDir dir;
  std::filesystem::copy_file(STRIPPED_PATH, dir / "alone.so");
  Symbolizer without({.debug_directories = {}});
  const auto frames = without.Frames({dir / "alone.so", ""}, CapturedOffset());
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].function, "fixture::KeepEndedSpan");
  EXPECT_EQ(frames[0].file, "");
}

TEST(SymbolizerTest, FileWithAnotherBuildIdIsRefused) {
  Symbolizer symbolizer;
  const ModuleRef stale{FIXTURE_PATH, "0123456789abcdef"};
  EXPECT_TRUE(symbolizer.Frames(stale, CapturedOffset()).empty());
  const auto status = symbolizer.ModuleStatus(stale);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(status.error().message, HasSubstr("stale"));
  EXPECT_THAT(status.error().message, HasSubstr(BuildIdOf(FIXTURE_PATH)));
}

TEST(SymbolizerTest, FilesThatAreNoElfGiveNoFramesAndAReason) {
  TempDir dir;
  WriteAll(dir / "text.so", "not an object file");
  Symbolizer symbolizer;
  for (const std::string& path : {dir / "text.so", dir / "absent.so", dir / "",
                                  std::string("[vdso]"), std::string(), std::string("/dev/zero")}) {
    EXPECT_TRUE(symbolizer.Frames({path, ""}, 4096).empty()) << path;
    EXPECT_FALSE(symbolizer.ModuleStatus({path, ""})) << path;
  }
}

// Cut at 64 places and with 300 bytes flipped one after another: frames may be wrong or missing,
// the program goes on.
TEST(SymbolizerTest, DamagedFilesNeverEndTheProgram) {
  TempDir dir;
  const std::string whole = ReadAll(FIXTURE_PATH);
  const uint64_t offset = CapturedOffset();
  ASSERT_GT(whole.size(), 4096u);
  size_t with_frames = 0;
  for (size_t i = 0; i < 64; ++i) {
    WriteAll(dir / "cut.so", whole.substr(0, whole.size() * i / 64));
    Symbolizer symbolizer;
    with_frames += !symbolizer.Frames({dir / "cut.so", ""}, offset).empty();
  }
  EXPECT_LT(with_frames, 64u);
  uint64_t random = 1;
  for (size_t i = 0; i < 300; ++i) {
    std::string flipped = whole;
    random = random * 6364136223846793005u + 1442695040888963407u;
    flipped[(random >> 20) % flipped.size()] ^= static_cast<char>(1 << ((random >> 9) & 7));
    WriteAll(dir / "flipped.so", flipped);
    Symbolizer symbolizer;
    for (uint64_t at = offset - 64; at < offset + 64; at += 16) {
      symbolizer.Frames({dir / "flipped.so", ""}, at);
    }
  }
}

TEST(SymbolizerTest, CacheKeepsWithinItsBytesAndModules) {
  Symbolizer small({.max_cache_bytes = 1000, .max_modules = 1});
  const uint64_t offset = CapturedOffset();
  ExpectWholeChain(small.Frames({FIXTURE_PATH, ""}, offset));
  EXPECT_LE(small.stats().cache_bytes, 1000u);
  EXPECT_EQ(small.stats().modules_dropped, 1u);
  ExpectWholeChain(small.Frames({FIXTURE_PATH, ""}, offset));
}

// The whole test program's functions, as many as a large profile has addresses.
TEST(SymbolizerTest, EveryFunctionOfThisProgramHasAName) {
  const std::string self = std::filesystem::read_symlink("/proc/self/exe").string();
  auto file = ElfFile::Open(self);
  ASSERT_TRUE(file);
  const auto symbols = FunctionSymbolsOf(**file, 100'000);
  ASSERT_GT(symbols.size(), 100u);
  // Offsets and link-time addresses of the code differ by a constant in one segment.
  uint64_t delta = 0;
  while ((*file)->AddressOfOffset(symbols[0].address - delta) != symbols[0].address)
    delta += 0x1000;
  Symbolizer symbolizer;
  size_t named = 0, looked_up = 0;
  for (size_t i = 0; i < symbols.size() && looked_up < 1000; ++i) {
    if ((*file)->AddressOfOffset(symbols[i].address - delta) != symbols[i].address) continue;
    ++looked_up;
    named +=
        !symbolizer.Frames({self, ""}, symbols[i].address - delta, AddressKind::kExact).empty();
  }
  EXPECT_EQ(named, looked_up);
  EXPECT_GT(looked_up, 100u);
}

}  // namespace
}  // namespace tidemark
