# Compiler cache, linker and warnings, the same for every target.
find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  # Clones of this tree share the cache, whatever folder they are in.
  set(launcher ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE_PROGRAM})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
endif()

find_program(MOLD_PROGRAM mold)
if(MOLD_PROGRAM)
  add_link_options(-fuse-ld=mold)
endif()

add_compile_options(-Wall -Wextra -Werror -Wno-missing-field-initializers)
add_compile_options(-fno-omit-frame-pointer)
# Debug information names files from the root of the tree on, not from the root of one machine.
add_compile_options(-ffile-prefix-map=${PROJECT_SOURCE_DIR}/=)

if(TIDEMARK_SANITIZE)
  add_compile_options(-fsanitize=${TIDEMARK_SANITIZE} -fno-sanitize-recover=undefined)
  add_link_options(-fsanitize=${TIDEMARK_SANITIZE})
endif()
if(TIDEMARK_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
