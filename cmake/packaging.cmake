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
  ${PROJECT_BINARY_DIR}/zcmalloc-config.cmake INSTALL_DESTINATION ${zc_package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/zcmalloc-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/zcmalloc-config.cmake
  ${PROJECT_BINARY_DIR}/zcmalloc-config-version.cmake
  DESTINATION ${zc_package_dir} COMPONENT Development)

# Relative, so that `cmake --install --prefix` may say another place than the configuration did; but not for folders
# that were configured to lie outside the prefix.
function(zc_configure_pc)
  set(pc_dir ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig)
  set(ZC_PC_PREFIX ${CMAKE_INSTALL_PREFIX})
  cmake_path(IS_PREFIX CMAKE_INSTALL_PREFIX ${pc_dir} NORMALIZE is_below)
  if(is_below)
    file(RELATIVE_PATH up ${pc_dir} ${CMAKE_INSTALL_PREFIX})
    string(REGEX REPLACE "/$" "" ZC_PC_PREFIX "\${pcfiledir}/${up}")
  endif()
  foreach(kind IN ITEMS LIBDIR INCLUDEDIR)
    set(ZC_PC_${kind} ${CMAKE_INSTALL_FULL_${kind}})
    cmake_path(IS_PREFIX CMAKE_INSTALL_PREFIX ${ZC_PC_${kind}} NORMALIZE is_below)
    if(is_below)
      file(RELATIVE_PATH below ${CMAKE_INSTALL_PREFIX} ${ZC_PC_${kind}})
      set(ZC_PC_${kind} "\${prefix}/${below}")
    endif()
  endforeach()
  configure_file(${PROJECT_SOURCE_DIR}/cmake/zcmalloc.pc.in ${PROJECT_BINARY_DIR}/zcmalloc.pc @ONLY)
endfunction()

# It stands for libzcmalloc, the shared library or the archive. Of the archive the linker takes what replaces malloc
# only if it is told to, as the target zcmalloc::static tells it; beside the shared library, too, for `--static`.
if(TARGET zcmalloc_shared OR TARGET zcmalloc_static)
  set(ZC_PC_FLAGS "")
  if(NOT APPLE)
    set(ZC_PC_FLAGS "-Wl,-u,malloc ")
  elseif(NOT TARGET zcmalloc_shared)
    set(ZC_PC_FLAGS "-Wl,-u,_zci_darwin_promotes ")
  endif()
  zc_configure_pc()
  install(FILES ${PROJECT_BINARY_DIR}/zcmalloc.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig
    COMPONENT Development)
endif()

install(FILES ${PROJECT_SOURCE_DIR}/docs/zcmalloc.3 DESTINATION ${CMAKE_INSTALL_MANDIR}/man3
  COMPONENT Documentation OPTIONAL)
if(TARGET zcmalloc_shared) # as the command that it describes
  install(FILES ${PROJECT_SOURCE_DIR}/docs/zcmalloc.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1
    COMPONENT Documentation OPTIONAL)
endif()
install(FILES ${PROJECT_SOURCE_DIR}/README.md ${PROJECT_SOURCE_DIR}/LICENSE
  ${PROJECT_SOURCE_DIR}/docs/design.md DESTINATION ${CMAKE_INSTALL_DOCDIR}
  COMPONENT Documentation OPTIONAL)
