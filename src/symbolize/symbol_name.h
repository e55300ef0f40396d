// Names of functions, from the linker's form to the one people say.
#pragma once

#include <string>
#include <string_view>

namespace tidemark {

// C++ (Itanium), Rust (both manglings) and Go with cgo; what is none of these comes back as it is.
//
//   _ZN4shop4KeepEi                       shop::Keep(int)
//   _ZN4shop4keep17h0123456789abcdefE     shop::keep
//   _RNvC4shop4keep                       shop::keep
//   gopkg.in/yaml%2ev3.Unmarshal          gopkg.in/yaml.v3.Unmarshal
//   main._Cfunc_malloc                    main.C.malloc
//   _cgo_0123456789ab_Cfunc_malloc        C.malloc
std::string Demangle(const std::string& system_name);

// "void shop::Keep<int>(int, char) const" -> "shop::Keep<int>": no return type, no parameters, no
// clone suffix. Keeps "operator()", "(anonymous namespace)" and lambdas whole.
std::string WithoutParameters(std::string_view demangled);

// Names longer than `max_length` lose their template arguments: "a::Map<...>::Put".
std::string WithShortTemplates(const std::string& name, size_t max_length = 160);

// All of these: the name to show for what the linker knows as `system_name`.
std::string ReadableName(const std::string& system_name);

}  // namespace tidemark
