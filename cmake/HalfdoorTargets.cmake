# What every target of the project shares: warnings as errors, sanitizers, and one way to declare a layer.

add_library(halfdoor_flags INTERFACE)
target_compile_options(halfdoor_flags INTERFACE
  -Wall -Wextra -Werror -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough)
target_include_directories(halfdoor_flags INTERFACE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/proxy)
if(HALFDOOR_SANITIZE)
  target_compile_options(halfdoor_flags INTERFACE -fsanitize=${HALFDOOR_SANITIZE} -fno-omit-frame-pointer)
  if(HALFDOOR_SANITIZE MATCHES "undefined")
    target_compile_options(halfdoor_flags INTERFACE -fno-sanitize-recover=undefined)
  endif()
  target_link_options(halfdoor_flags INTERFACE -fsanitize=${HALFDOOR_SANITIZE})
endif()

# halfdoor_layer(NAME SOURCES ... USES layers... [LIBRARIES ...]): one folder of proxy/, one static library. USES are
# the only layers whose headers it may include; scripts/check-layers holds the includes against them.
function(halfdoor_layer name)
  cmake_parse_arguments(LAYER "" "" "SOURCES;USES;LIBRARIES" ${ARGN})
  add_library(halfdoor_${name} STATIC ${LAYER_SOURCES})
  target_link_libraries(halfdoor_${name} PUBLIC halfdoor_flags)
  foreach(used IN LISTS LAYER_USES)
    target_link_libraries(halfdoor_${name} PUBLIC halfdoor_${used})
  endforeach()
  target_link_libraries(halfdoor_${name} PUBLIC ${LAYER_LIBRARIES})
endfunction()

add_custom_target(unit_tests)

# halfdoor_unit_test(NAME SOURCES ... USES layers...): one Catch2 executable, one ctest entry.
function(halfdoor_unit_test name)
  cmake_parse_arguments(UNIT "" "" "SOURCES;USES;LIBRARIES" ${ARGN})
  add_executable(unit_${name} ${UNIT_SOURCES})
  target_link_libraries(unit_${name} PRIVATE halfdoor_catch_main)
  foreach(used IN LISTS UNIT_USES)
    target_link_libraries(unit_${name} PRIVATE halfdoor_${used})
  endforeach()
  target_link_libraries(unit_${name} PRIVATE ${UNIT_LIBRARIES})
  add_dependencies(unit_tests unit_${name})
  add_test(NAME unit_${name} COMMAND unit_${name})
  set_tests_properties(unit_${name} PROPERTIES TIMEOUT 300 LABELS unit)
endfunction()
