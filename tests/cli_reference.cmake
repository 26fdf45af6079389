# Fails when docs/cli.md is not what `retina reference` prints.
execute_process(COMMAND "${PROGRAM}" reference OUTPUT_VARIABLE printed RESULT_VARIABLE code)
file(READ "${REFERENCE}" written)
if(code OR NOT printed STREQUAL written)
  message(FATAL_ERROR "docs/cli.md is out of date: ./dev run reference > docs/cli.md")
endif()
