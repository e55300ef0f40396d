// Objects and bytes of each class of an HPROF dump, by the reader alone: what hprof-slurp does.
#include <algorithm>
#include <cstdio>
#include <unordered_map>
#include <vector>

#include "hprof/hprof_reader.h"

namespace tidemark {
namespace {

class CountingSink : public heapgraph::HeapSink {
 public:
  struct Row {
    uint64_t objects = 0, bytes = 0;
  };
  uint32_t Intern(std::string_view) override { return 0; }
  void OnType(const heapgraph::TypeEvent& type) override { names[type.key] = type.name; }
  void OnObject(const heapgraph::ObjectEvent& object) override {
    if (object.type != last_type_) {
      last_type_ = object.type;
      last_ = &rows[object.type];
    }
    ++last_->objects;
    last_->bytes += object.bytes;
  }
  void OnRoot(heapgraph::RootKind, uint64_t) override {}
  void OnHolder(const heapgraph::HolderEvent&) override {}
  void OnReference(uint64_t, const heapgraph::Reference&) override {}
  void OnFact(const heapgraph::FactEvent&) override {}
  void OnProgress(uint64_t) override {}

  std::unordered_map<heapgraph::TypeKey, Row> rows;
  std::unordered_map<heapgraph::TypeKey, std::string> names;

 private:
  heapgraph::TypeKey last_type_ = ~0ull;
  Row* last_ = nullptr;
};

Result<std::string> Count(const char* path, CountingSink& sink) {
  TIDEMARK_ASSIGN_OR_RETURN(auto bytes, OpenByteSource(path));
  TIDEMARK_ASSIGN_OR_RETURN(auto dump, OpenHprof(std::move(bytes)));
  TIDEMARK_ASSIGN_OR_RETURN(const auto outcome,
                            dump->Read(sink, {.references = false, .contents = false}));
  return outcome.damage;
}

void Print(CountingSink& sink) {
  std::vector<std::pair<uint64_t, heapgraph::TypeKey>> order;
  for (const auto& [type, row] : sink.rows) order.emplace_back(row.bytes, type);
  std::sort(order.rbegin(), order.rend());
  for (const auto& [bytes, type] : order) {
    std::printf("%12llu %15llu  %s\n", static_cast<unsigned long long>(sink.rows[type].objects),
                static_cast<unsigned long long>(bytes), sink.names[type].c_str());
  }
}

}  // namespace
}  // namespace tidemark

int main(int count, char** arguments) {
  if (count != 2) {
    std::fprintf(stderr, "usage: %s DUMP\n", arguments[0]);
    return 2;
  }
  tidemark::CountingSink sink;
  const auto damage = tidemark::Count(arguments[1], sink);
  const std::string& wrong = damage ? *damage : damage.error().message;
  if (!wrong.empty()) std::fprintf(stderr, "%s\n", wrong.c_str());
  tidemark::Print(sink);
  return wrong.empty() ? 0 : 1;
}
