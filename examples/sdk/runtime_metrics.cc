// Everything the process knows of its own memory, once, as text.
#include <cstdio>

#include "tidemark/metrics.hpp"

int main() {
  tidemark::sdk::RuntimeMetrics metrics;
  for (const auto& point : metrics.Collect()) {
    std::string labels;
    for (const auto& [key, value] : point.attributes) labels += " " + key + "=" + value;
    std::printf("%-32s %18.3f %s%s\n", point.name.c_str(), point.value, point.unit.c_str(),
                labels.c_str());
  }
}
