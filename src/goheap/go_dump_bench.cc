// go_dump_bench FILE [objects|references|all]: reads a Go heap dump as a pass of the graph's
// builder does and prints what it told: for tests of exactness, and for its rate.
#include <chrono>
#include <cstdio>
#include <ctime>
#include <string>

#include "goheap/go_dump_reader.h"
#include "goheap/go_naming.h"

namespace {

using namespace tidemark;  // NOLINT: a program of one file

// Counts, and adds up all that it hears so that nothing is read in vain.
class CountingSink : public heapgraph::HeapSink {
 public:
  uint32_t Intern(std::string_view name) override { return static_cast<uint32_t>(name.size()); }
  void OnType(const heapgraph::TypeEvent& type) override {
    ++types;
    if (list) List("type", type.name, type.key);
  }
  void OnObject(const heapgraph::ObjectEvent& object) override {
    ++objects;
    bytes += object.bytes;
    leaves += object.pointer_free;
    typed += object.type != 0;
    references += object.references.size();
    for (const auto& reference : object.references) hinted += reference.target_type != 0;
    if (!object.contents.empty()) sum += static_cast<uint64_t>(object.contents.front());
  }
  void OnRoot(heapgraph::RootKind, uint64_t) override {}
  void OnHolder(const heapgraph::HolderEvent& holder) override {
    ++holders;
    held += holder.references.size();
    if (list && !holder.references.empty()) {
      List("holder", holder.name, holder.references.size());
    }
  }
  void OnReference(uint64_t, const heapgraph::Reference&) override { ++references; }
  void OnFact(const heapgraph::FactEvent& fact) override {
    std::printf("%.*s\t%.*s\n", static_cast<int>(fact.key.size()), fact.key.data(),
                static_cast<int>(fact.value.size()), fact.value.data());
  }
  void OnProgress(uint64_t) override {}

  bool list = false;  // holders that hold something, and types
  uint64_t types = 0, objects = 0, bytes = 0, leaves = 0, typed = 0, references = 0, hinted = 0;
  uint64_t holders = 0, held = 0, sum = 0;

 private:
  static void List(const char* what, std::string_view name, uint64_t number) {
    std::printf("%s\t%.*s\t%llu\n", what, static_cast<int>(name.size()), name.data(),
                static_cast<unsigned long long>(number));
  }
};

Result<std::unique_ptr<heapgraph::HeapSource>> Open(const char* path, const char* executable) {
  TIDEMARK_ASSIGN_OR_RETURN(auto bytes, OpenByteSource(path));
  auto dump = goheap::OpenGoDump(std::move(bytes));
  if (executable == nullptr) return dump;
  static std::unique_ptr<goheap::GoExecutable> file;  // outlives the source
  TIDEMARK_ASSIGN_OR_RETURN(file, goheap::GoExecutable::Open(executable));
  dump = std::make_unique<goheap::NamedGoHeap>(std::move(dump), *file);
  CountingSink first;
  TIDEMARK_RETURN_IF_ERROR(dump->Read(first, {.references = false, .contents = false}));
  return dump;
}

int Run(const char* path, const std::string& mode, const char* executable) {
  auto opened = Open(path, executable);
  if (!opened) return std::fprintf(stderr, "%s\n", opened.error().message.c_str()), 1;
  const auto dump = std::move(*opened);
  CountingSink sink;
  sink.list = executable != nullptr;
  const std::clock_t cpu_begin = std::clock();
  const auto begin = std::chrono::steady_clock::now();
  const auto outcome =
      dump->Read(sink, {.references = mode != "objects", .contents = mode == "all"});
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  if (!outcome) return std::fprintf(stderr, "%s\n", outcome.error().message.c_str()), 1;
  const auto print = [](const char* key, uint64_t number) {
    std::printf("%s\t%llu\n", key, static_cast<unsigned long long>(number));
  };
  print("objects", sink.objects);
  print("bytes", sink.bytes);
  print("pointer-free objects", sink.leaves);
  print("objects typed by header", sink.typed);
  print("references", sink.references);
  print("references hinted", sink.hinted);
  print("holders", sink.holders);
  print("references of holders", sink.held);
  print("types", sink.types);
  std::printf("damage\t%s\n", outcome->damage.c_str());
  const double cpu = static_cast<double>(std::clock() - cpu_begin) / CLOCKS_PER_SEC;
  std::printf("rate of the processor's time\t%.0f MB/s\n",
              static_cast<double>(outcome->bytes) / 1e6 / cpu);
  std::printf("rate\t%.0f MB/s\n", static_cast<double>(outcome->bytes) / 1e6 / seconds);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return std::fprintf(stderr, "go_dump_bench FILE [objects|references|all]\n"), 2;
  return Run(argv[1], argc > 2 ? argv[2] : "references", argc > 3 ? argv[3] : nullptr);
}
