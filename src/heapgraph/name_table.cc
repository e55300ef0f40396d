#include "heapgraph/name_table.h"

namespace tidemark::heapgraph {

uint32_t NameTable::Intern(std::string_view name) {
  if (const auto found = numbers_.find(name); found != numbers_.end()) return found->second;
  if (numbers_.size() >= kMaxNames || bytes_ + name.size() > kMaxBytes) {
    ++refused_;
    return 0;
  }
  bytes_ += name.size();
  const auto number = static_cast<uint32_t>(numbers_.size());
  numbers_.emplace(name, number);
  return number;
}

std::vector<std::string> NameTable::TakeNames() {
  std::vector<std::string> names(numbers_.size());
  while (!numbers_.empty()) {
    auto node = numbers_.extract(numbers_.begin());
    names[node.mapped()] = std::move(node.key());
  }
  return names;
}

}  // namespace tidemark::heapgraph
