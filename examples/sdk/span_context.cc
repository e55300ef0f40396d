// Whose memory is it: spans on threads, in pools and in coroutines. Run it under `tidemark run`,
// and the report attributes what is kept.
#include <cstdio>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "tidemark/tidemark.hpp"

namespace {

std::vector<std::string> kept;

void KeepOrder() { kept.emplace_back(1 << 20, 'o'); }

// A task carries the span it works for to whichever thread runs it.
struct Task {
  tidemark_span span;
  std::function<void()> work;
  void Run() const {
    tidemark::SpanScope scope(span);
    work();
  }
};

}  // namespace

int main() {
  tidemark_span span;
  tidemark_span_begin(&span, nullptr);  // or the ids of your tracing SDK, with SpanScope
  for (int i = 0; i < 32; ++i) KeepOrder();
  const Task task{span, KeepOrder};
  tidemark_span_end(nullptr);

  std::thread([&task] { task.Run(); }).join();

  tidemark_span current;
  std::printf("kept %zu MiB; active span now: %s\n", kept.size(),
              tidemark_span_current(&current) != 0 ? "one" : "none");
}
