# `cmake --install build/release --prefix DIR`: bin/tidemark, lib/ with the recorder and DuckDB, which it finds beside itself, and the SDK.
set_target_properties(tidemark PROPERTIES INSTALL_RPATH "$ORIGIN/../lib")
install(TARGETS tidemark RUNTIME DESTINATION bin)
install(FILES ${CMAKE_BINARY_DIR}/lib/libduckdb.so DESTINATION lib)
if(TARGET tidemark_preload)
  install(TARGETS tidemark_preload LIBRARY DESTINATION lib)
endif()
install(TARGETS tidemark_sdk ARCHIVE DESTINATION lib)
install(DIRECTORY include/tidemark DESTINATION include)
