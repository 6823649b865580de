# The headers of the standard library, of abseil and of GoogleTest, compiled once instead of once for
# each file that reads them, which is half to two thirds of compiling it (-DSLUICE_PRECOMPILE=ON, as
# the preset `sanitize` has it: a next_hop.cc of 3.1 s takes 1.6 s).
#
# The price: a file that lacks an #include of one of them is not found out. The preset `release` goes
# without, and finds it.

# sluice_precompiled(TARGET library|program|test): TARGET is compiled with those made for its kind,
# since they have to be compiled with the same options.
function(sluice_precompiled target kind)
  if(SLUICE_PRECOMPILE)
    target_precompile_headers(${target} REUSE_FROM precompiled_${kind})
  endif()
endfunction()

if(SLUICE_PRECOMPILE)
  set(source ${CMAKE_BINARY_DIR}/precompiled.cc)
  file(CONFIGURE OUTPUT ${source} CONTENT "")
  foreach(kind library program test)
    set(headers precompiled_${kind})
    add_library(${headers} OBJECT ${source})
    target_compile_options(${headers} PRIVATE ${SLUICE_OPTIONS_${kind}})
    if(NOT "${kind}" STREQUAL "library")
      set_target_properties(${headers} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
      target_compile_options(${headers} PRIVATE -fPIE)  # as CMake compiles executables
    endif()
    # Its date is of no concern: the same headers make the same file, and a cache of objects holds.
    target_compile_options(${headers} PRIVATE -Xclang -fno-pch-timestamp)
    target_link_libraries(${headers} PRIVATE absl::any_invocable absl::flat_hash_map absl::statusor
                                             absl::strings absl::synchronization absl::time)
    target_precompile_headers(${headers} PRIVATE
      <algorithm> <array> <chrono> <coroutine> <cstddef> <cstdint> <cstring> <deque> <functional>
      <map> <memory> <optional> <string> <unordered_map> <unordered_set> <utility> <variant>
      <vector>
      <absl/container/flat_hash_map.h> <absl/functional/any_invocable.h> <absl/status/statusor.h>
      <absl/strings/match.h> <absl/strings/str_cat.h> <absl/strings/str_join.h>
      <absl/strings/str_split.h> <absl/synchronization/mutex.h> <absl/time/time.h>
      <absl/types/span.h>)
  endforeach()
  target_link_libraries(precompiled_test PRIVATE GTest::gmock GTest::gtest)
  target_precompile_headers(precompiled_test PRIVATE <gmock/gmock.h> <gtest/gtest.h>)
endif()
