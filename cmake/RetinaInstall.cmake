# `cmake --install` and find_package(retina) for consumers.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

get_property(_libraries GLOBAL PROPERTY RETINA_LIBRARIES)
install(TARGETS ${_libraries} retina_flags retina_headers retina_torch retina_program EXPORT retinaTargets)
install(DIRECTORY "${PROJECT_SOURCE_DIR}/src/retina" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
  FILES_MATCHING PATTERN "*.h")
install(EXPORT retinaTargets NAMESPACE retina:: DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/retina")
install(FILES "${PROJECT_SOURCE_DIR}/cmake/RetinaTorch.cmake" DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/retina")
configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/retinaConfig.cmake.in"
  "${PROJECT_BINARY_DIR}/retinaConfig.cmake"
  INSTALL_DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/retina")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/retinaConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/retinaConfig.cmake" "${PROJECT_BINARY_DIR}/retinaConfigVersion.cmake"
  DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/retina")
