# Target duckdb::duckdb: the vendored C header and the pinned shared library (decision 0040), which is copied to
# ${CMAKE_BINARY_DIR}/lib so that programs in bin/ and lib/ travel together.
set(TIDEMARK_DUCKDB_VERSION 1.5.6)
set(TIDEMARK_DUCKDB_DIR ${CMAKE_SOURCE_DIR}/third_party/duckdb/${TIDEMARK_DUCKDB_VERSION})

if(NOT EXISTS ${TIDEMARK_DUCKDB_DIR}/libduckdb.so)
  message(STATUS "Fetching DuckDB ${TIDEMARK_DUCKDB_VERSION}")
  execute_process(COMMAND ${CMAKE_SOURCE_DIR}/tools/fetch-duckdb ${TIDEMARK_DUCKDB_DIR}
                  RESULT_VARIABLE fetch_result ERROR_VARIABLE fetch_error)
  if(NOT fetch_result EQUAL 0)
    message(FATAL_ERROR "tools/fetch-duckdb: ${fetch_error}")
  endif()
endif()
file(COPY ${TIDEMARK_DUCKDB_DIR}/libduckdb.so DESTINATION ${CMAKE_BINARY_DIR}/lib)

add_library(duckdb::duckdb SHARED IMPORTED GLOBAL)
set_target_properties(duckdb::duckdb PROPERTIES
  IMPORTED_LOCATION ${CMAKE_BINARY_DIR}/lib/libduckdb.so
  IMPORTED_SONAME libduckdb.so
  INTERFACE_SYSTEM_INCLUDE_DIRECTORIES ${CMAKE_SOURCE_DIR}/third_party/duckdb
  INTERFACE_INCLUDE_DIRECTORIES ${CMAKE_SOURCE_DIR}/third_party/duckdb)

# An installed program finds the library beside it; a program in the build tree by its full path.
list(APPEND CMAKE_INSTALL_RPATH "$ORIGIN/../lib")
list(APPEND CMAKE_BUILD_RPATH "$ORIGIN/../lib")
