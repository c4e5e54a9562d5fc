# Language, warnings, hardening and sanitizers: the same for every target.
option(FLAGMESH_LTO "Link-time optimisation for the program and the benchmarks" OFF)
option(FLAGMESH_FUZZ "Build libFuzzer targets (clang)" OFF)
option(FLAGMESH_COVERAGE "gcov counters" OFF)
set(FLAGMESH_SANITIZE "" CACHE STRING "Value of -fsanitize=")

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_SCAN_FOR_MODULES OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

find_program(CCACHE ccache)
if(CCACHE)
  # Every build directory of a checkout, and another checkout at the same depth, hit the same entries: paths below the
  # checkout are hashed relative, and the working directory (which -g would add) is not.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${CMAKE_CXX_COMPILER_LAUNCHER})
endif()

add_compile_options(-Wall -Wextra -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Wimplicit-fallthrough
                    -Werror=return-type -fno-strict-aliasing -fno-plt)
include_directories(${CMAKE_SOURCE_DIR})

set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1")
set(CMAKE_CXX_FLAGS_DEBUG "-Og -g1")

# Hardening: PIE, full RELRO, stack protector; fortified libc where the optimiser can see sizes.
include(CheckPIESupported)
check_pie_supported()
add_compile_options(-fstack-protector-strong)
add_link_options(-Wl,-z,relro,-z,now -Wl,-z,noexecstack)
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  add_compile_options(-D_FORTIFY_SOURCE=2)
endif()

if(FLAGMESH_LTO)
  # Archives of LTO objects need the tools that know the compiler's plugin.
  set(CMAKE_AR ${CMAKE_CXX_COMPILER_AR})
  set(CMAKE_RANLIB ${CMAKE_CXX_COMPILER_RANLIB})
endif()

if(FLAGMESH_SANITIZE)
  add_compile_options(-fsanitize=${FLAGMESH_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${FLAGMESH_SANITIZE})
endif()
if(FLAGMESH_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(FLAGMESH_COVERAGE)
  add_compile_options(--coverage)
  add_link_options(--coverage)
endif()
