#include "hprof/name_table.h"

#include <algorithm>

namespace tidemark::hprof {
namespace {

std::string_view PrimitiveName(char code) {
  switch (code) {
    case 'Z':
      return "boolean";
    case 'B':
      return "byte";
    case 'C':
      return "char";
    case 'S':
      return "short";
    case 'I':
      return "int";
    case 'J':
      return "long";
    case 'F':
      return "float";
    case 'D':
      return "double";
    default:
      return "";
  }
}

}  // namespace

void NameTable::Add(uint64_t id, std::string_view name) {
  name = name.substr(0, kMaxNameBytes);
  if (places_.size() >= kMaxNames || arena_.size() + name.size() > kMaxBytes) {
    ++refused_;
    return;
  }
  const Place place{static_cast<uint32_t>(arena_.size()), static_cast<uint32_t>(name.size())};
  if (places_.emplace(id, place).second) arena_ += name;
}

std::string_view NameTable::Find(uint64_t id) const {
  const auto found = places_.find(id);
  if (found == places_.end()) return {};
  return std::string_view(arena_).substr(found->second.begin, found->second.bytes);
}

std::string JavaTypeName(std::string_view name) {
  size_t dimensions = 0;
  while (dimensions < name.size() && name[dimensions] == '[') ++dimensions;
  std::string_view element = name.substr(dimensions);
  std::string text;
  if (dimensions > 0 && element.size() == 1 && !PrimitiveName(element[0]).empty()) {
    text = PrimitiveName(element[0]);
  } else {
    if (dimensions > 0 && element.starts_with('L') && element.ends_with(';')) {
      element = element.substr(1, element.size() - 2);
    }
    text = element;
    std::replace(text.begin(), text.end(), '/', '.');
    // A hidden class: "Main$$Lambda+0x0000000800c03000" in the file, with a slash in Java.
    const size_t hidden = text.rfind("+0x");
    if (hidden != std::string::npos) text[hidden] = '/';
  }
  for (size_t i = 0; i < std::min<size_t>(dimensions, 255); ++i) text += "[]";
  return text;
}

}  // namespace tidemark::hprof
