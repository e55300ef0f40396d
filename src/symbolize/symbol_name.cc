#include "symbolize/symbol_name.h"

#include <cxxabi.h>

#include <cctype>
#include <cstdlib>

#include "symbolize/rust_name.h"

namespace tidemark {
namespace {

bool EndsWith(std::string_view text, std::string_view tail) {
  return text.size() >= tail.size() && text.substr(text.size() - tail.size()) == tail;
}

bool IsWordCharacter(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

// Cuts " const", " &", " [clone .cold]" and their like from the end.
std::string_view WithoutSuffixes(std::string_view name) {
  for (bool cut = true; cut;) {
    cut = false;
    for (const std::string_view tail : {" const", " volatile", " &", " &&", " noexcept"}) {
      if (EndsWith(name, tail)) {
        name.remove_suffix(tail.size());
        cut = true;
      }
    }
    const size_t clone = name.rfind(" [");
    if (EndsWith(name, "]") && clone != std::string_view::npos) {
      name = name.substr(0, clone);
      cut = true;
    }
  }
  return name;
}

// The '(' that closes with the last character of `name`, or npos.
size_t OpeningParenthesis(std::string_view name) {
  int depth = 0;
  for (size_t i = name.size(); i-- > 0;) {
    if (name[i] == ')') ++depth;
    if (name[i] == '(' && --depth == 0) return i;
  }
  return std::string_view::npos;
}

// The length of a leading return type with its space; 0 when there is none.
size_t ReturnTypeLength(std::string_view name) {
  int depth = 0;
  size_t length = 0;
  for (size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    // What follows may hold any bracket or a type ("operator<", "operator bool").
    if (depth == 0 && name.substr(i).starts_with("operator") &&
        (i == 0 || name[i - 1] == ' ' || name[i - 1] == ':')) {
      break;
    }
    if (c == '<' || c == '(' || c == '{') ++depth;
    if (c == '>' || c == ')' || c == '}') --depth;
    if (c == ' ' && depth == 0) length = i + 1;
  }
  return length;
}

enum class Language : uint8_t { kCpp, kRust, kOther };

struct Demangled {
  std::string name;
  Language language;
};

// Go's linker writes a dot in the last part of an import path as %2e; cgo makes a function of each
// C function that is called.
std::string GoName(const std::string& name) {
  constexpr std::string_view kDot = "%2e", kFunction = "_Cfunc_", kStub = "_cgo_";
  std::string out = name;
  for (size_t at = 0; (at = out.find(kDot, at)) != out.npos; ++at)
    out.replace(at, kDot.size(), ".");
  const size_t function = out.find(kFunction);
  if (function == out.npos) return out;
  const bool stub = out.starts_with(kStub);  // "_cgo_HASH_Cfunc_malloc", in C
  const bool call = function > 0 && out[function - 1] == '.';
  if (!stub && !call) return out;
  return (stub ? "" : out.substr(0, function)) + "C." + out.substr(function + kFunction.size());
}

Demangled DemangleAny(const std::string& system_name) {
  if (system_name.starts_with("_R")) {
    if (auto name = DemangleRustV0(system_name)) return {std::move(*name), Language::kRust};
  }
  if (!system_name.starts_with("_Z")) return {GoName(system_name), Language::kOther};
  int status = 0;
  char* text = abi::__cxa_demangle(system_name.c_str(), nullptr, nullptr, &status);
  if (text == nullptr) return {system_name, Language::kOther};
  std::string name = text;
  std::free(text);
  if (auto rust = DecodeRustLegacy(name)) return {std::move(*rust), Language::kRust};
  return {std::move(name), Language::kCpp};
}

}  // namespace

std::string Demangle(const std::string& system_name) { return DemangleAny(system_name).name; }

std::string WithoutParameters(std::string_view demangled) {
  std::string_view name = WithoutSuffixes(demangled);
  if (EndsWith(name, ")")) {
    const size_t open = OpeningParenthesis(name);
    const bool call_operator =
        open != std::string_view::npos && EndsWith(name.substr(0, open), "operator");
    if (open != std::string_view::npos && open > 0 && !call_operator) name = name.substr(0, open);
  }
  // The parameters of an operator() follow its own parentheses, so that nothing more is to be cut.
  name.remove_prefix(ReturnTypeLength(name));
  return std::string(name);
}

std::string WithShortTemplates(const std::string& name, size_t max_length) {
  if (name.size() <= max_length) return name;
  std::string out;
  int depth = 0;
  for (size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    const std::string_view before = std::string_view(name).substr(0, i);
    // "operator<", "operator<<" and "->" are no brackets.
    const bool opens = c == '<' && i > 0 && !EndsWith(before, "operator") &&
                       !EndsWith(before, "operator<") &&
                       (IsWordCharacter(name[i - 1]) || depth > 0);
    if (opens && depth++ == 0) out += "<...>";
    if (depth == 0) out.push_back(c);
    if (c == '>' && depth > 0 && !EndsWith(before, "-")) --depth;
  }
  return out;
}

std::string ReadableName(const std::string& system_name) {
  const Demangled demangled = DemangleAny(system_name);
  // Only C++ writes parameters, and return types before templates.
  return WithShortTemplates(demangled.language == Language::kCpp ? WithoutParameters(demangled.name)
                                                                 : demangled.name);
}

}  // namespace tidemark
