// Against real programs: built here by the machine's own Go, dumped, and asked about themselves.
#include "goheap/go_executable.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <sstream>

#include "goheap/go_dump_reader.h"
#include "goheap/go_naming.h"
#include "goheap/go_typing.h"
#include "heapgraph/scratch.h"

namespace tidemark::goheap {
namespace {

namespace fs = std::filesystem;

constexpr char kProgram[] = R"(package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"unsafe"
)

type leaf struct {
	name string
	next *leaf
}
type node struct {
	id     uint64
	leaves []leaf
	byName map[string]*leaf
	pad    [70]uint64
	next   *node
}

var chain *node
var index = map[string]*node{}

func main() {
	for i := 0; i < 100; i++ {
		n := &node{id: uint64(i), leaves: make([]leaf, 3), next: chain}
		n.byName = map[string]*leaf{fmt.Sprint("leaf", i): {name: fmt.Sprint("own", i)}}
		index[fmt.Sprint("node", i)] = n
		chain = n
	}
	fmt.Println(unsafe.Sizeof(node{}), unsafe.Offsetof(chain.byName), unsafe.Offsetof(chain.next))
	runtime.GC()
	out, err := os.Create(os.Args[1])
	if err != nil {
		panic(err)
	}
	debug.WriteHeapDump(out.Fd())
}
)";

std::string Contents(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

// A program built with `flags`, what it printed, and its dump.
class Built {
 public:
  explicit Built(const std::string& flags) {
    std::string place = (fs::temp_directory_path() / "go_executable_test.XXXXXX").string();
    folder_ = mkdtemp(place.data());
    std::ofstream(folder_ / "main.go") << kProgram;
    const std::string in = "cd " + folder_.string() + " && ";
    good_ = std::system((in + "GOFLAGS= GO111MODULE=off GOTOOLCHAIN=local go build " + flags +
                         " -o program main.go && ./program dump > printed")
                            .c_str()) == 0;
  }
  ~Built() { fs::remove_all(folder_); }
  bool good() const { return good_; }
  std::string path() const { return (folder_ / "program").string(); }
  std::string printed() const { return Contents(folder_ / "printed"); }
  std::unique_ptr<heapgraph::HeapSource> Dump() const {
    static std::vector<std::string> kept;  // a source reads memory that outlives it
    kept.push_back(Contents(folder_ / "dump"));
    return OpenGoDump(BytesInMemory(std::as_bytes(std::span(kept.back()))));
  }

 private:
  fs::path folder_;
  bool good_ = false;
};

bool HasGo() { return std::system("command -v go > /dev/null") == 0; }

struct Typed {
  std::map<std::string, uint64_t> objects;  // by type
  std::set<std::string> globals;
  GoTyping typing;
  const GoType* node = nullptr;
};

Typed TypesOf(const Built& built, const GoExecutable& executable) {
  Typed typed;
  heapgraph::HeapScratch scratch;
  NamedGoHeap heap(built.Dump(), executable);
  const auto graph = heapgraph::BuildGraph(heap, scratch);
  EXPECT_TRUE(graph) << graph.error().message;
  if (!graph) return typed;
  EXPECT_TRUE(heap.fits()) << (*graph)->fact("executable");
  const auto typing = TypeGoObjects(**graph, executable, heap.slide(), scratch);
  EXPECT_TRUE(typing) << typing.error().message;
  typed.typing = typing.value_or({});
  for (heapgraph::ObjectId id = 0; id < (*graph)->size(); ++id) {
    if ((*graph)->is_holder(id)) {
      typed.globals.insert((*graph)->holder(id).name);
      continue;
    }
    const auto& type = (*graph)->types()[(*graph)->type(id)];
    ++typed.objects[type.name];
    if (type.name == "main.node") typed.node = executable.TypeAt(type.key - heap.slide());
  }
  return typed;
}

void ExpectItsOwnLayout(const Typed& typed, const std::string& printed) {
  ASSERT_NE(typed.node, nullptr);
  std::map<std::string, uint64_t> offsets;
  for (const GoField& field : typed.node->fields) offsets[field.name] = field.offset;
  std::ostringstream described;
  described << typed.node->bytes << ' ' << offsets["byName"] << ' ' << offsets["next"] << '\n';
  EXPECT_EQ(described.str(), printed);
}

class GoExecutableTest : public testing::TestWithParam<const char*> {};

TEST_P(GoExecutableTest, NamesTypesAndGlobalsOfItsDump) {
  if (!HasGo()) GTEST_SKIP() << "no go on this machine";
  const Built built(GetParam());
  ASSERT_TRUE(built.good());
  const auto executable = GoExecutable::Open(built.path());
  ASSERT_TRUE(executable) << executable.error().message;
  EXPECT_TRUE((*executable)->version().starts_with("go1.")) << (*executable)->version();
  EXPECT_GE((*executable)->minor(), 19);

  const Typed typed = TypesOf(built, **executable);
  const std::string flags = GetParam();
  EXPECT_EQ(typed.globals.contains("main.chain"), flags != "-ldflags=-s");
  EXPECT_EQ(typed.globals.contains("main.index"), flags != "-ldflags=-s");
  const auto count = [&](const char* name) {
    const auto found = typed.objects.find(name);
    return found == typed.objects.end() ? 0 : found->second;
  };
  const bool dwarf = !flags.starts_with("-ldflags");
  // Header words, and what these lead to, come without DWARF.
  if (!dwarf && (*executable)->minor() < 22) return;
  EXPECT_EQ(count("main.node"), 100u);
  EXPECT_EQ(count("[]main.leaf"), 100u);
  EXPECT_EQ(count("map[string]*main.leaf"), 100u);
  EXPECT_EQ(count("main.leaf"), 100u);
  ExpectItsOwnLayout(typed, built.printed());
  // A global's type is in the DWARF only.
  EXPECT_EQ(count("map[string]*main.node"), dwarf ? 1u : 0u);
  const uint64_t all = typed.typing.told + typed.typing.propagated + typed.typing.unknown;
  EXPECT_GT(typed.typing.told + typed.typing.propagated, all * (dwarf ? 8 : 5) / 10);
}

INSTANTIATE_TEST_SUITE_P(Builds, GoExecutableTest,
                         testing::Values("", "-ldflags=-w", "-ldflags=-s", "-buildmode=pie"));

TEST(GoExecutableErrorTest, WhatIsNoGoProgramIsRefusedByName) {
  const auto shell = GoExecutable::Open("/bin/sh");
  ASSERT_FALSE(shell);
  EXPECT_NE(shell.error().message.find("not a Go program"), std::string::npos)
      << shell.error().message;
  EXPECT_FALSE(GoExecutable::Open("/does/not/exist"));
}

// Cut and flipped copies know less or are refused; they never bring the reader down.
TEST(GoExecutableErrorTest, DamagedProgramsAreReadWithoutHarm) {
  if (!HasGo()) GTEST_SKIP() << "no go on this machine";
  const Built built("");
  ASSERT_TRUE(built.good());
  const std::string whole = Contents(built.path());
  std::mt19937 random(1);
  int opened = 0;
  for (int round = 0; round < 24; ++round) {
    std::string bytes = whole;
    if (round % 3 == 0) bytes.resize(random() % bytes.size());
    // Headers lie at the front, symbols and their names at the end.
    for (int flip = 0; flip < 64 && !bytes.empty(); ++flip) {
      const size_t span = flip % 2 == 0 ? std::min<size_t>(bytes.size(), 4096) : bytes.size();
      bytes[random() % span] ^= static_cast<char>(1 << random() % 8);
    }
    const std::string path = built.path() + ".damaged";
    std::ofstream(path, std::ios::binary) << bytes;
    const auto executable = GoExecutable::Open(path);
    if (!executable) {
      EXPECT_NE(executable.error().message.find(path), std::string::npos);
      continue;
    }
    ++opened;
    GoLayouts layouts(**executable, 0);
    const uint64_t types = (*executable)->Symbol("runtime.types").value_or(0);
    for (uint64_t at = 0; at < 65536; at += 8) layouts.LayoutOf(PointeeOf(types + at));
  }
  EXPECT_GT(opened, 0);
}

}  // namespace
}  // namespace tidemark::goheap
