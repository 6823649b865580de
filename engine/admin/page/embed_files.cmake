# Writes files.cc: every file of the page as a string of the program (files.h).
#
#   cmake -DDIRECTORY=files -DOUTPUT=files.cc -P embed_files.cmake
#
# index.html is served as "/", anything else as "/page/NAME".

set(type_html "text/html; charset=utf-8")
set(type_css "text/css; charset=utf-8")
set(type_js "text/javascript; charset=utf-8")
set(type_svg "image/svg+xml")

file(GLOB names RELATIVE ${DIRECTORY} ${DIRECTORY}/*)
set(contents "")
set(table "")
set(number 0)
foreach(name ${names})
  string(REGEX MATCH "[a-z]+$" extension ${name})
  if(NOT DEFINED type_${extension})
    message(FATAL_ERROR "${DIRECTORY}/${name}: embed_files.cmake knows no content type for it.")
  endif()
  set(path "/page/${name}")
  if(name STREQUAL index.html)
    set(path "/")
  endif()
  file(READ ${DIRECTORY}/${name} hex HEX)
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
  string(REGEX REPLACE "(................................................................................)"
         "\\1\n    " bytes "${bytes}")
  string(APPEND contents "constexpr unsigned char kFile${number}[] = {  // ${name}\n    ${bytes}};\n")
  string(APPEND table "    {\"${path}\", \"${type_${extension}}\", View(kFile${number})},\n")
  math(EXPR number "${number} + 1")
endforeach()

file(WRITE ${OUTPUT} "// Written by embed_files.cmake.
#include \"engine/admin/page/files.h\"

#include <cstddef>

namespace sluice::admin {
namespace {

template <size_t n>
absl::string_view View(const unsigned char (&bytes)[n]) {
  return {reinterpret_cast<const char*>(bytes), n};
}

${contents}
}  // namespace

absl::Span<const StaticFile> PageFiles() {
  static const StaticFile kFiles[] = {
${table}  };
  return kFiles;
}

}  // namespace sluice::admin
")
