# Makes ${sluice_page_files}, the source that carries the files of the web page (page/files.h). It
# is included, not a folder of its own: what makes a source must stand beside the target that has it.

file(GLOB page_files CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/files/*)
set(sluice_page_files ${CMAKE_CURRENT_BINARY_DIR}/page/files.cc)
add_custom_command(
  OUTPUT ${sluice_page_files}
  COMMAND ${CMAKE_COMMAND} -DDIRECTORY=${CMAKE_CURRENT_LIST_DIR}/files -DOUTPUT=${sluice_page_files}
          -P ${CMAKE_CURRENT_LIST_DIR}/embed_files.cmake
  DEPENDS ${page_files} ${CMAKE_CURRENT_LIST_DIR}/embed_files.cmake
  COMMENT "Embedding the web page"
  VERBATIM)
