# Finds libtorch: the folder RETINA_TORCH, or the torch package of RETINA_TORCH_PYTHON, of .venv, or of the python3 on the
# path. Everything links retina::torch. Not by torch's own TorchConfig.cmake: where torch has CUDA, that asks for a whole
# CUDA toolkit, which nothing here compiles with and most machines with a GPU do not have.
set(RETINA_TORCH "" CACHE PATH "Folder of libtorch, with include and lib")
set(RETINA_TORCH_PYTHON "" CACHE FILEPATH "Python whose torch package supplies libtorch")

set(_torch "${RETINA_TORCH}")
if(NOT _torch)
  set(_python "${RETINA_TORCH_PYTHON}")
  if(NOT _python AND EXISTS "${PROJECT_SOURCE_DIR}/.venv/bin/python")
    set(_python "${PROJECT_SOURCE_DIR}/.venv/bin/python")
  elseif(NOT _python)
    find_program(_python python3 REQUIRED)
  endif()
  # find_spec tells where the package lies without importing it
  execute_process(
    COMMAND "${_python}" -c
      "import importlib.util as u,os;s=u.find_spec('torch');print(os.path.dirname(s.origin) if s else '')"
    OUTPUT_VARIABLE _torch OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE _rc)
  if(_rc OR NOT _torch)
    message(FATAL_ERROR "No torch package in ${_python}: run ./dev build, or set RETINA_TORCH_PYTHON or RETINA_TORCH")
  endif()
endif()

set(_version_file "${_torch}/include/torch/headeronly/version.h")
if(NOT EXISTS "${_version_file}")
  message(FATAL_ERROR "No LibTorch 2.11 or newer in ${_torch}: ${_version_file} is missing")
endif()
file(STRINGS "${_version_file}" _numbers REGEX "define TORCH_VERSION_(MAJOR|MINOR|PATCH) ")
string(REGEX REPLACE "[^;0-9]" "" _numbers "${_numbers}")
list(JOIN _numbers "." _version)
if(_version VERSION_LESS 2.11)
  message(FATAL_ERROR "LibTorch ${_version} in ${_torch}: 2.11 or newer is needed")
endif()

set(_libraries)
foreach(_name IN ITEMS torch torch_cpu torch_cuda c10 c10_cuda)
  if(EXISTS "${_torch}/lib/lib${_name}.so")
    list(APPEND _libraries "${_torch}/lib/lib${_name}.so")
  endif()
endforeach()
if(NOT EXISTS "${_torch}/lib/libtorch_cpu.so")
  message(FATAL_ERROR "No shared libraries of LibTorch in ${_torch}/lib")
endif()
# Nothing refers to symbols of torch_cuda, which registers itself when it is loaded. The C++ library comes first: some builds of
# libtorch give away an old std::filesystem of their own, which crashes.
add_library(torch INTERFACE IMPORTED)
set_target_properties(torch PROPERTIES
  INTERFACE_INCLUDE_DIRECTORIES "${_torch}/include;${_torch}/include/torch/csrc/api/include"
  INTERFACE_COMPILE_DEFINITIONS "USE_C10D_GLOO;USE_DISTRIBUTED;USE_RPC;USE_TENSORPIPE"
  INTERFACE_LINK_LIBRARIES "-Wl,--no-as-needed;stdc++;${_libraries};-Wl,--as-needed")
set(RETINA_TORCH_CUDA OFF)
if(EXISTS "${_torch}/lib/libtorch_cuda.so")
  set(RETINA_TORCH_CUDA ON)
endif()
set(RETINA_TORCH_FOLDER "${_torch}")
message(STATUS "LibTorch ${_version} in ${_torch}, CUDA ${RETINA_TORCH_CUDA}")

add_library(retina_torch INTERFACE)
target_link_libraries(retina_torch INTERFACE torch)
add_library(retina::torch ALIAS retina_torch)
