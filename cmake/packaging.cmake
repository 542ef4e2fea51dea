# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
#
# Installation: components Runtime, Development, Documentation; find_package(zcmalloc) and pkg-config.
# Expects the list `installed` of library targets.
include(CMakePackageConfigHelpers)

install(TARGETS ${installed} EXPORT zcmalloc-targets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT Runtime NAMELINK_COMPONENT Development
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT Development
  FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT Development)

set(zc_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/zcmalloc)
install(EXPORT zcmalloc-targets NAMESPACE zcmalloc:: DESTINATION ${zc_package_dir}
  COMPONENT Development)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/zcmalloc-config.cmake.in
  ${CMAKE_BINARY_DIR}/zcmalloc-config.cmake INSTALL_DESTINATION ${zc_package_dir})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/zcmalloc-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/zcmalloc-config.cmake
  ${CMAKE_BINARY_DIR}/zcmalloc-config-version.cmake
  DESTINATION ${zc_package_dir} COMPONENT Development)

# Relative, so that `cmake --install --prefix` may say another place than the configuration did.
file(RELATIVE_PATH ZC_PC_UP /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(${PROJECT_SOURCE_DIR}/cmake/zcmalloc.pc.in ${CMAKE_BINARY_DIR}/zcmalloc.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/zcmalloc.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig
  COMPONENT Development)

install(FILES ${PROJECT_SOURCE_DIR}/docs/zcmalloc.3 DESTINATION ${CMAKE_INSTALL_MANDIR}/man3
  COMPONENT Documentation OPTIONAL)
install(FILES ${PROJECT_SOURCE_DIR}/docs/zcmalloc.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1
  COMPONENT Documentation OPTIONAL)
install(FILES ${PROJECT_SOURCE_DIR}/README.md ${PROJECT_SOURCE_DIR}/LICENSE
  ${PROJECT_SOURCE_DIR}/docs/design.md DESTINATION ${CMAKE_INSTALL_DOCDIR}
  COMPONENT Documentation OPTIONAL)
