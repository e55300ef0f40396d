// A place in one line of a metrics page. Never reads past its end; every Read either advances or
// fails.
#pragma once

#include <string>
#include <string_view>

namespace tidemark {

class TextCursor {
 public:
  explicit TextCursor(std::string_view line) : rest_(line) {}

  bool AtEnd() const { return rest_.empty(); }
  char Peek() const { return rest_.empty() ? '\0' : rest_.front(); }
  std::string_view rest() const { return rest_; }

  void SkipBlanks() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t'))
      rest_.remove_prefix(1);
  }
  bool Take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  // Up to a blank or the end.
  std::string_view TakeWord() {
    std::string_view word = rest_.substr(0, rest_.find_first_of(" \t"));
    rest_.remove_prefix(word.size());
    return word;
  }
  // Up to one of ` \t{}=,"#` or the end.
  std::string_view TakeName() {
    std::string_view name = rest_.substr(0, rest_.find_first_of(" \t{}=,\"#"));
    rest_.remove_prefix(name.size());
    return name;
  }
  // A quoted text, opening quote first; \\ \" \n are undone, other escapes stay as they are. False
  // when it does not end on this line.
  bool TakeQuoted(std::string* text) {
    if (!Take('"')) return false;
    text->clear();
    while (!rest_.empty()) {
      size_t end = rest_.find_first_of("\"\\");
      if (end == std::string_view::npos) return false;
      text->append(rest_.substr(0, end));
      char mark = rest_[end];
      rest_.remove_prefix(end + 1);
      if (mark == '"') return true;
      if (rest_.empty()) return false;
      char escaped = rest_.front();
      rest_.remove_prefix(1);
      if (escaped != '\\' && escaped != '"' && escaped != 'n') text->push_back('\\');
      text->push_back(escaped == 'n' ? '\n' : escaped);
    }
    return false;
  }

 private:
  std::string_view rest_;
};

}  // namespace tidemark
