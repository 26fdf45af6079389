# One tree: src/retina/<module>/CMakeLists.txt calls these with the module's own files.

add_library(retina_flags INTERFACE)
target_compile_features(retina_flags INTERFACE cxx_std_20)
target_compile_definitions(retina_flags INTERFACE RETINA_WITH_IO=$<BOOL:${RETINA_WITH_IO}>)
target_compile_options(retina_flags INTERFACE
  $<BUILD_INTERFACE:-Wall -Wextra -Wpedantic -Wconversion -Wshadow>)
if(RETINA_WERROR)
  target_compile_options(retina_flags INTERFACE $<BUILD_INTERFACE:-Werror>)
endif()
if(RETINA_SANITIZE)
  target_compile_options(retina_flags INTERFACE -fsanitize=${RETINA_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(retina_flags INTERFACE -fsanitize=${RETINA_SANITIZE})
endif()

# retina_add_library(<module> [TORCH] [UNITY] SOURCES ... [DEPENDS <modules or targets>...])
# UNITY: where headers (torch's) cost more than the code, a few units instead of many.
function(retina_add_library module)
  cmake_parse_arguments(ARG "TORCH;UNITY" "" "SOURCES;DEPENDS" ${ARGN})
  set(target retina_${module})
  add_library(${target} STATIC ${ARG_SOURCES})
  add_library(retina::${module} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${module} POSITION_INDEPENDENT_CODE ON)
  target_include_directories(${target} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/src> $<INSTALL_INTERFACE:include>)
  target_link_libraries(${target} PUBLIC retina_flags retina::headers ${ARG_DEPENDS})
  if(ARG_TORCH)
    target_link_libraries(${target} PUBLIC retina::torch)
  endif()
  if(ARG_UNITY)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 10)
  endif()
  set_property(GLOBAL APPEND PROPERTY RETINA_LIBRARIES ${target})
endfunction()

# retina_add_test(<module> SOURCES ... [DEPENDS ...]): one binary per module, unity batches, -O1. The label of a test follows
# from its suite's name: *Parity* parity, *E2e* e2e, *Slow* slow, *Gpu* gpu, all others unit.
function(retina_add_test module)
  if(NOT RETINA_TESTS)
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  set(target retina_${module}_test)
  add_executable(${target} ${ARG_SOURCES})
  target_link_libraries(${target} PRIVATE retina::${module} retina::testing ${ARG_DEPENDS} GTest::gmock GTest::gtest_main)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 14)
  if(NOT CMAKE_BUILD_TYPE STREQUAL Debug)
    target_compile_options(${target} PRIVATE -O1)
  endif()
  retina_discover_suites(${target} unit "*-*Parity*:*E2e*:*Slow*:*Gpu*")
  retina_discover(${target} parity "*Parity*")
  retina_discover(${target} e2e "*E2e*")
  retina_discover(${target} slow "*Slow*")
  retina_discover(${target} gpu "*Gpu*-*Parity*")
endfunction()

# One ctest test for each suite, by cmake/RetinaSuites.cmake.
function(retina_discover_suites target label filter)
  set(script "${CMAKE_CURRENT_BINARY_DIR}/${target}_${label}.cmake")
  file(GENERATE OUTPUT "${script}" CONTENT "
set(program \"$<TARGET_FILE:${target}>\")
set(label ${label})
set(filter \"${filter}\")
set(suites_file \"${CMAKE_CURRENT_BINARY_DIR}/${target}_${label}.txt\")
include(\"${PROJECT_SOURCE_DIR}/cmake/RetinaSuites.cmake\")
")
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES "${script}")
endfunction()

# One ctest test for each test.
function(retina_discover target label filter)
  gtest_discover_tests(${target} TEST_FILTER "${filter}" DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
    PROPERTIES LABELS ${label} TIMEOUT 900 ENVIRONMENT OMP_NUM_THREADS=1)
endfunction()
