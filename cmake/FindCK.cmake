# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
#
# FindCK - Concurrency Kit's headers (0.7.1 or later); the library itself is not needed.
# Defines the target CK::headers and CK_INCLUDE_DIR. The headers are linked into a folder of their own:
# a cross compiler, or musl-gcc, must see them without seeing the rest of the system's headers.

find_path(CK_PR_DIR ck_pr.h HINTS ENV CK_ROOT PATH_SUFFIXES include
  PATHS /usr/include /usr/local/include /opt/homebrew/include
  NO_CMAKE_FIND_ROOT_PATH)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(CK REQUIRED_VARS CK_PR_DIR
  REASON_FAILURE_MESSAGE "install Concurrency Kit's headers (Debian: libck-dev, Homebrew: concurrencykit)")

if(CK_FOUND AND NOT TARGET CK::headers)
  set(CK_INCLUDE_DIR ${CMAKE_BINARY_DIR}/ck-headers)
  file(MAKE_DIRECTORY ${CK_INCLUDE_DIR})
  file(GLOB ck_headers ${CK_PR_DIR}/ck_*.h)
  foreach(header IN LISTS ck_headers)
    get_filename_component(name ${header} NAME)
    file(CREATE_LINK ${header} ${CK_INCLUDE_DIR}/${name} SYMBOLIC)
  endforeach()
  file(CREATE_LINK ${CK_PR_DIR}/gcc ${CK_INCLUDE_DIR}/gcc SYMBOLIC)
  add_library(CK::headers INTERFACE IMPORTED)
  target_include_directories(CK::headers SYSTEM INTERFACE ${CK_INCLUDE_DIR})
endif()
