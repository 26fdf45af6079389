# Every third-party dependency of the C++ build, in one place. `./dev` installs the Debian packages.
#   header-only, always:  fmt, spdlog, nlohmann-json, CLI11
#   RETINA_WITH_IO:       yaml-cpp, libtiff, libpng, libjpeg-turbo, c-blosc, zstd
find_package(Threads REQUIRED)

add_library(retina_headers INTERFACE)
add_library(retina::headers ALIAS retina_headers)
if(RETINA_HEADERS)
  target_include_directories(retina_headers SYSTEM INTERFACE "${RETINA_HEADERS}")
endif()
target_compile_definitions(retina_headers INTERFACE FMT_HEADER_ONLY SPDLOG_HEADER_ONLY SPDLOG_FMT_EXTERNAL)
target_link_libraries(retina_headers INTERFACE Threads::Threads)

if(RETINA_WITH_IO)
  find_package(PkgConfig REQUIRED)
  find_package(PNG REQUIRED)
  find_package(TIFF REQUIRED)
  find_package(JPEG REQUIRED)
  find_package(yaml-cpp REQUIRED)
  pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
  pkg_check_modules(BLOSC REQUIRED IMPORTED_TARGET blosc)
endif()

if(RETINA_TESTS)
  find_package(GTest REQUIRED)
  include(GoogleTest)
endif()
