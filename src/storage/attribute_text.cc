#include "storage/attribute_text.h"

#include <string>
#include <utility>

namespace tidemark {

Attributes ParseCanonicalText(std::string_view text) {
  Attributes attributes;
  std::string key, value;
  bool in_value = false;
  for (size_t i = 0; i < text.size(); ++i) {
    std::string& part = in_value ? value : key;
    if (text[i] == '\\' && i + 1 < text.size()) {
      part.push_back(text[++i]);
    } else if (text[i] == '=' && !in_value) {
      in_value = true;
    } else if (text[i] == ',') {
      attributes.emplace_back(std::exchange(key, {}), std::exchange(value, {}));
      in_value = false;
    } else {
      part.push_back(text[i]);
    }
  }
  if (!text.empty()) attributes.emplace_back(std::move(key), std::move(value));
  return attributes;
}

}  // namespace tidemark
