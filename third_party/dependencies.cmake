# Finds what Sluice is built on. third_party/README.md says which version, why, and under which
# licence. A missing one is named together with the Debian package that brings it.

include(${CMAKE_CURRENT_LIST_DIR}/boringssl.cmake OPTIONAL)

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)

function(sluice_missing what package)
  message(FATAL_ERROR "${what} was not found. Install it with 'apt-get install ${package}', "
                      "or everything at once with 'tools/install-dependencies'.")
endfunction()

# sluice_find(NAME PACKAGE): a CMake package.
macro(sluice_find name package)
  find_package(${name} QUIET ${ARGN})
  if(NOT ${name}_FOUND)
    sluice_missing(${name} ${package})
  endif()
endmacro()

# sluice_pkg(MODULE PACKAGE MINIMUM): a pkg-config module, as the target PkgConfig::<MODULE>.
macro(sluice_pkg module package minimum)
  pkg_check_modules(${module} QUIET IMPORTED_TARGET ${module}>=${minimum})
  if(NOT ${module}_FOUND)
    sluice_missing("${module} ${minimum}" ${package})
  endif()
endmacro()

sluice_find(absl libabsl-dev CONFIG)
sluice_find(Protobuf "libprotobuf-dev protobuf-compiler")
sluice_find(nlohmann_json nlohmann-json3-dev CONFIG)
sluice_find(GTest "libgtest-dev libgmock-dev" CONFIG)
sluice_find(benchmark libbenchmark-dev CONFIG)
sluice_find(RocksDB librocksdb-dev CONFIG)
# libcrypto alone, and for the signer process alone (README.md).
sluice_find(OpenSSL libssl-dev 3.0 COMPONENTS Crypto)
sluice_find(ZLIB zlib1g-dev)
sluice_pkg(liburing liburing-dev 2.3)
sluice_pkg(libidn2 libidn2-dev 2.0)
sluice_pkg(libpsl libpsl-dev 0.21)
sluice_pkg(libmicrohttpd libmicrohttpd-dev 0.9.70)
sluice_pkg(gnutls libgnutls28-dev 3.7)
sluice_pkg(libtcmalloc_minimal libgoogle-perftools-dev 2.9)
sluice_pkg(libcurl libcurl4-gnutls-dev 7.70)

# libunbound's pkg-config file asks for libevent, which only its event interface needs.
find_path(UNBOUND_INCLUDE_DIR unbound.h)
find_library(UNBOUND_LIBRARY unbound)
if(NOT UNBOUND_INCLUDE_DIR OR NOT UNBOUND_LIBRARY)
  sluice_missing(libunbound libunbound-dev)
endif()
add_library(unbound::unbound UNKNOWN IMPORTED)
set_target_properties(unbound::unbound PROPERTIES IMPORTED_LOCATION ${UNBOUND_LIBRARY}
                      INTERFACE_INCLUDE_DIRECTORIES ${UNBOUND_INCLUDE_DIR})

find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()
