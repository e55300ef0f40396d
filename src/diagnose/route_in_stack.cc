#include "diagnose/route_in_stack.h"

#include <algorithm>
#include <cctype>

namespace tidemark {
namespace {

constexpr size_t kShortestWord = 4;

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::vector<std::string> WordsOf(const std::string& route) {
  std::vector<std::string> words(1);
  for (const char c : Lower(route)) {
    if (std::isalpha(static_cast<unsigned char>(c)) != 0) {
      words.back().push_back(c);
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  std::erase_if(words, [](const std::string& word) { return word.size() < kShortestWord; });
  return words;
}

bool Occurs(const std::string& word, const std::vector<FrameText>& frames) {
  return std::any_of(frames.begin(), frames.end(), [&](const FrameText& frame) {
    return Lower(frame.function).find(word) != std::string::npos;
  });
}

}  // namespace

std::string RouteInStack(const std::vector<std::string>& routes,
                         const std::vector<FrameText>& frames) {
  std::string found;
  for (const std::string& route : routes) {
    const std::vector<std::string> words = WordsOf(route);
    if (std::none_of(words.begin(), words.end(),
                     [&](const std::string& word) { return Occurs(word, frames); }))
      continue;
    if (!found.empty()) return "";
    found = route;
  }
  return found;
}

}  // namespace tidemark
