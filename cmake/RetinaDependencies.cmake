# Every third-party dependency of the C++ build, in one place. `./dev` installs the Debian packages.
#   header-only, always:  fmt, spdlog, nlohmann-json, CLI11
#   RETINA_WITH_IO:       yaml-cpp, libtiff, libpng, libjpeg-turbo, c-blosc, zstd, lz4, bzip2, xz, HDF5, libnifti2
find_package(Threads REQUIRED)

add_library(retina_headers INTERFACE)
add_library(retina::headers ALIAS retina_headers)
set(_headers "${RETINA_HEADERS}")
if(NOT _headers)
  # torch brings a newer fmt of its own, which the system's spdlog does not compile with: put the system's first
  set(_headers "${PROJECT_SOURCE_DIR}/build/headers")  # one path for all builds: ccache shares their objects
  file(MAKE_DIRECTORY "${_headers}")
  foreach(_header IN ITEMS fmt/format.h spdlog/logger.h nlohmann/json.hpp CLI/CLI.hpp)
    get_filename_component(_library "${_header}" DIRECTORY)
    find_path(_${_library}_parent NAMES "${_header}" REQUIRED NO_CACHE)
    get_filename_component(_source "${_${_library}_parent}/${_library}" ABSOLUTE)
    file(CREATE_LINK "${_source}" "${_headers}/${_library}" SYMBOLIC)
  endforeach()
endif()
target_include_directories(retina_headers SYSTEM INTERFACE "$<BUILD_INTERFACE:${_headers}>")
target_compile_definitions(retina_headers INTERFACE FMT_HEADER_ONLY SPDLOG_HEADER_ONLY SPDLOG_FMT_EXTERNAL)
target_link_libraries(retina_headers INTERFACE Threads::Threads)

if(RETINA_WITH_IO)
  find_package(PkgConfig REQUIRED)
  find_package(PNG REQUIRED)
  find_package(TIFF REQUIRED)
  find_package(JPEG REQUIRED)
  find_package(BZip2 REQUIRED)
  find_package(LibLZMA REQUIRED)
  find_package(yaml-cpp REQUIRED)
  pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
  pkg_check_modules(BLOSC REQUIRED IMPORTED_TARGET blosc)
  pkg_search_module(HDF5 REQUIRED IMPORTED_TARGET hdf5-serial hdf5)
  pkg_check_modules(LZ4 REQUIRED IMPORTED_TARGET liblz4)
  find_path(RETINA_NIFTI_HEADERS NAMES nifti2_io.h PATH_SUFFIXES nifti REQUIRED)
  find_library(RETINA_NIFTI_LIBRARY NAMES nifti2 REQUIRED)
endif()

if(RETINA_TESTS)
  find_package(GTest REQUIRED)
  include(GoogleTest)
endif()
