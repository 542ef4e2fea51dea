# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
#
# Link rules of toolchain-darwin-zig.cmake, read after CMake's own for Darwin.
set(link "${zc_darwin_link} <LINK_FLAGS> -o <TARGET> <OBJECTS> <LINK_LIBRARIES> ${zc_darwin_stubs}")
set(CMAKE_C_LINK_EXECUTABLE "${link}")
set(CMAKE_C_CREATE_SHARED_LIBRARY "${link} -dylib -install_name @rpath/<TARGET_SONAME>")
set(CMAKE_C_CREATE_SHARED_MODULE "${link} -bundle")
set(CMAKE_CXX_LINK_EXECUTABLE "${zc_darwin_link_cxx} <OBJECTS> -o <TARGET> <LINK_LIBRARIES>")
foreach(language IN ITEMS C CXX)
  set(CMAKE_SHARED_LIBRARY_CREATE_${language}_FLAGS "")
  set(CMAKE_SHARED_LIBRARY_RUNTIME_${language}_FLAG "-rpath ")
  set(CMAKE_${language}_LINK_FLAGS "")
endforeach()
