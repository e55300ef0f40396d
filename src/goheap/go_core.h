// Go heaps out of ELF cores.
#pragma once

#include <memory>
#include <string>

#include "heapgraph/heap_events.h"

namespace tidemark::goheap {

// The heap in the core at `core_path`, of the program at `executable_path` ("" = where the core
// says it was; `used`, if not null, gets that). Errors: not found, invalid argument, corrupt: of
// either file, naming it.
Result<std::unique_ptr<heapgraph::HeapSource>> OpenGoCore(const std::string& core_path,
                                                          const std::string& executable_path,
                                                          std::string* used = nullptr);

}  // namespace tidemark::goheap
