# The web page, built at build time from web/ and embedded in a library. Needs node (18 or newer) and npm; npm ci runs
# only when package-lock.json changes, the bundle only when a source of the page changes.
find_program(NODE_PROGRAM NAMES node nodejs REQUIRED)
find_program(NPM_PROGRAM npm REQUIRED)

# Everything npm and esbuild write goes here; the source tree stays as it is.
set(TIDEMARK_WEB_WORK_DIR ${CMAKE_BINARY_DIR}/web/work)

# tidemark_web_library(NAME): static library with the page's files, precompressed.
function(tidemark_web_library name)
  set(source ${CMAKE_SOURCE_DIR}/web)
  set(work ${TIDEMARK_WEB_WORK_DIR})
  set(assets_cc ${CMAKE_BINARY_DIR}/web/web_assets.cc)
  file(GLOB_RECURSE page_sources CONFIGURE_DEPENDS
       ${source}/src/* ${source}/static/* ${source}/test/* ${source}/embed/*.mjs)
  list(APPEND page_sources ${source}/build.mjs ${source}/run_tests.mjs ${source}/tsconfig.json)

  add_custom_command(
    OUTPUT ${work}/installed.stamp
    COMMAND ${CMAKE_COMMAND} -E make_directory ${work}
    COMMAND ${CMAKE_COMMAND} -E copy ${source}/package.json ${source}/package-lock.json ${source}/.npmrc ${work}
    COMMAND ${CMAKE_COMMAND} -E chdir ${work} ${NPM_PROGRAM} ci --ignore-scripts --no-progress --loglevel=error
    COMMAND ${CMAKE_COMMAND} -E touch ${work}/installed.stamp
    DEPENDS ${source}/package.json ${source}/package-lock.json ${source}/.npmrc
    COMMENT "Installing the page's packages"
    VERBATIM)

  add_custom_command(
    OUTPUT ${assets_cc}
    COMMAND ${NODE_PROGRAM} ${source}/embed/sync.mjs ${source} ${work}
    COMMAND ${CMAKE_COMMAND} -E chdir ${work} ${NODE_PROGRAM} build.mjs --out dist
    COMMAND ${NODE_PROGRAM} ${source}/embed/embed.mjs ${work}/dist ${assets_cc}
    DEPENDS ${work}/installed.stamp ${page_sources}
    COMMENT "Building the page"
    VERBATIM)

  add_library(${name} STATIC ${assets_cc} ${source}/embed/web_assets.h)
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR})
endfunction()
