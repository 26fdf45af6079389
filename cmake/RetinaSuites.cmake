# Read by ctest: one test for each suite of `program` whose tests pass `filter`. A process for each single test would spend more
# time in loading libtorch than in most tests. The list is made again when the program is newer.
if(NOT EXISTS "${program}")
  add_test(${label}_${suites_file} "${program}")  # fails, and says what is not built
  return()
endif()
if(NOT EXISTS "${suites_file}" OR "${program}" IS_NEWER_THAN "${suites_file}")
  execute_process(COMMAND "${program}" --gtest_list_tests "--gtest_filter=${filter}"
    OUTPUT_VARIABLE listed RESULT_VARIABLE failed)
  if(failed)
    message(FATAL_ERROR "${program} --gtest_list_tests ended with ${failed}")
  endif()
  file(WRITE "${suites_file}" "${listed}")
endif()
file(STRINGS "${suites_file}" suites REGEX "^[^ ]+\\.( |$)")
foreach(line IN LISTS suites)
  string(REGEX REPLACE "\\. .*$|\\.$" "" suite "${line}")
  add_test("${suite}" "${program}" "--gtest_filter=${suite}.${filter}" --gtest_brief=1)
  set_tests_properties("${suite}" PROPERTIES LABELS ${label} TIMEOUT 900 ENVIRONMENT OMP_NUM_THREADS=1)
endforeach()
