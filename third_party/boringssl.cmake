# BoringSSL::ssl and BoringSSL::crypto. Built outside of this project's build directories, once, by
# third_party/boringssl/build; -DBORINGSSL_SOURCE_DIR= takes another tree than Debian's.
set(BORINGSSL_SOURCE_DIR "" CACHE PATH "BoringSSL's source; empty: Debian's source package")

execute_process(
  COMMAND ${CMAKE_CURRENT_LIST_DIR}/boringssl/build ${CMAKE_C_COMPILER} ${CMAKE_CXX_COMPILER}
          ${BORINGSSL_SOURCE_DIR}
  OUTPUT_VARIABLE BORINGSSL_ROOT OUTPUT_STRIP_TRAILING_WHITESPACE
  RESULT_VARIABLE boringssl_failed)
if(boringssl_failed)
  message(FATAL_ERROR "BoringSSL is not there: see above. 'tools/install-dependencies' installs what "
                      "downloading and building it needs.")
endif()

foreach(library crypto ssl)
  add_library(BoringSSL::${library} STATIC IMPORTED)
  # BEFORE: these headers, not OpenSSL's, should both be installed.
  set_target_properties(BoringSSL::${library} PROPERTIES
                        IMPORTED_LOCATION ${BORINGSSL_ROOT}/lib/lib${library}.a
                        INTERFACE_INCLUDE_DIRECTORIES ${BORINGSSL_ROOT}/include)
endforeach()
find_package(Threads REQUIRED)
set_property(TARGET BoringSSL::crypto PROPERTY INTERFACE_LINK_LIBRARIES Threads::Threads)
set_property(TARGET BoringSSL::ssl PROPERTY INTERFACE_LINK_LIBRARIES BoringSSL::crypto)
