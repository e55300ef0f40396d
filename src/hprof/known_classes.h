// Classes of the Java library that a reader of heaps must know by name.
#pragma once

#include <cstdint>
#include <string_view>

namespace tidemark::hprof {

// A static field that holds one of the loaders that come with the JVM and live as long as it.
struct LoaderField {
  std::string_view class_name, field;
};
inline constexpr LoaderField kLoaderFields[] = {
    {"jdk/internal/loader/ClassLoaders", "BOOT_LOADER"},
    {"jdk/internal/loader/ClassLoaders", "PLATFORM_LOADER"},
    {"jdk/internal/loader/ClassLoaders", "APP_LOADER"},
    {"java/lang/ClassLoader", "scl"},
};

// What collections of the library are made of and programs never name; `name` as the file has it.
bool IsContainerInternal(std::string_view name);

// "int[]" of ValueType kInt.
std::string_view PrimitiveArrayName(uint8_t type);

}  // namespace tidemark::hprof
