# Functions for the folders' CMakeLists.txt. A library's tests, fuzz target and benchmark stand beside its sources and
# are found by their suffix.

# Every unit test program and fuzz target: what the sanitizers run.
if(PROJECT_IS_TOP_LEVEL)
  add_custom_target(checks)
endif()

# tidemark_library(NAME LIBS...): library tidemark_NAME from this folder's sources, and tests from its *_test.cc.
function(tidemark_library name)
  file(GLOB sources CONFIGURE_DEPENDS *.cc)
  list(FILTER sources EXCLUDE REGEX "(_(test|fuzz|bench)|/main)\\.cc$")
  if(sources)
    add_library(tidemark_${name} STATIC ${sources})
    target_include_directories(tidemark_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
    target_link_libraries(tidemark_${name} PUBLIC ${ARGN})
  else()
    add_library(tidemark_${name} INTERFACE)
    target_include_directories(tidemark_${name} INTERFACE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
    target_link_libraries(tidemark_${name} INTERFACE ${ARGN})
  endif()
  tidemark_tests(${name} tidemark_${name})
endfunction()

# tidemark_tests(NAME LIBS...): one test program NAME_test from *_test.cc, one fuzz target from each *_fuzz.cc.
# None where the tree is part of another project.
function(tidemark_tests name)
  if(NOT PROJECT_IS_TOP_LEVEL)
    return()
  endif()
  file(GLOB tests CONFIGURE_DEPENDS *_test.cc)
  if(tests)
    add_executable(${name}_test ${tests})
    set_source_files_properties(${tests} PROPERTIES COMPILE_OPTIONS -O1)  # half the time to build
    target_link_libraries(${name}_test PRIVATE ${ARGN} GTest::gtest_main GTest::gmock)
    target_compile_definitions(${name}_test PRIVATE TIDEMARK_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
    add_test(NAME ${name}_test COMMAND ${name}_test)
    set_tests_properties(${name}_test PROPERTIES LABELS unit)
    # These two compare stacks of uninstrumented frames and what GCC writes: not for sanitizers.
    if(NOT name MATCHES "^(recorder|symbolize)$")
      add_dependencies(checks ${name}_test)
    endif()
  endif()
  file(GLOB fuzzers CONFIGURE_DEPENDS *_fuzz.cc)
  foreach(fuzzer ${fuzzers})
    get_filename_component(target ${fuzzer} NAME_WE)
    if(TIDEMARK_FUZZ)
      add_executable(${target} ${fuzzer})
      target_link_options(${target} PRIVATE -fsanitize=fuzzer)
      target_link_libraries(${target} PRIVATE ${ARGN})
      add_dependencies(checks ${target})
    else()
      # Without libFuzzer the target replays its corpus (tests/corpus/NAME) as an ordinary test.
      add_executable(${target}_replay ${fuzzer} ${PROJECT_SOURCE_DIR}/tests/corpus/replay_main.cc)
      target_link_libraries(${target}_replay PRIVATE ${ARGN})
      add_test(NAME ${target}_replay
               COMMAND ${target}_replay ${PROJECT_SOURCE_DIR}/tests/corpus/${target})
    endif()
  endforeach()
endfunction()
