# Finds libtorch: CMAKE_PREFIX_PATH / Torch_DIR if given, else the torch package of RETINA_TORCH_PYTHON, of .venv, or of
# the python3 on the path. Everything links retina::torch.
set(RETINA_TORCH_PYTHON "" CACHE FILEPATH "Python whose torch package supplies libtorch")

if(NOT Torch_DIR)
  find_package(Torch 2.11 QUIET CONFIG)
endif()
if(NOT Torch_FOUND AND NOT Torch_DIR)  # a build that is configured again knows Torch_DIR
  set(_python "${RETINA_TORCH_PYTHON}")
  if(NOT _python AND EXISTS "${PROJECT_SOURCE_DIR}/.venv/bin/python")
    set(_python "${PROJECT_SOURCE_DIR}/.venv/bin/python")
  elseif(NOT _python)
    find_program(_python python3 REQUIRED)
  endif()
  # find_spec tells where the package lies without importing it
  execute_process(
    COMMAND "${_python}" -c
      "import importlib.util as u,os;s=u.find_spec('torch');print(os.path.join(os.path.dirname(s.origin),'share','cmake') if s else '')"
    OUTPUT_VARIABLE _prefix OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE _rc)
  if(_rc OR NOT _prefix)
    message(FATAL_ERROR "No torch package in ${_python}: run ./dev build, or set RETINA_TORCH_PYTHON or CMAKE_PREFIX_PATH")
  endif()
  list(PREPEND CMAKE_PREFIX_PATH "${_prefix}")
endif()

if(NOT kineto_LIBRARY)  # it is inside libtorch_cpu; silences a warning about a missing library
  set(kineto_LIBRARY "${CMAKE_DL_LIBS}" CACHE STRING "unused" FORCE)
endif()
find_package(Torch 2.11 REQUIRED)
if(TARGET caffe2::mkl)  # else the wheel's build host leaks a link directory
  set_property(TARGET caffe2::mkl PROPERTY INTERFACE_LINK_DIRECTORIES "")
endif()

add_library(retina_torch INTERFACE)
target_link_libraries(retina_torch INTERFACE torch)
add_library(retina::torch ALIAS retina_torch)
