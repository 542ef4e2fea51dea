# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
#
# Cross build for macOS and iOS on Linux, by zig's compiler and headers and LLVM's linker.
#   cmake -B build/macos -DCMAKE_TOOLCHAIN_FILE=cmake/toolchain-darwin-zig.cmake
# Variables, or of the same name in the environment:
#   ZIG                 zig 0.11                        LLD   ld64.lld 16 or later
#   ZC_DARWIN_ARCH      arm64 (default) or x86_64
#   ZC_DARWIN_PLATFORM  macos (default), ios or ios-simulator
#   ZC_DARWIN_RUN       a command that runs such programs here; without it the tests are built only
# C++ programs are linked by zig itself, for macOS only. What is built is not signed.
set(CMAKE_SYSTEM_NAME Darwin)

# Each try_compile reads this file again, and gets only these.
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES
  ZIG LLD ZC_DARWIN_ARCH ZC_DARWIN_PLATFORM ZC_DARWIN_RUN ZC_DARWIN_TOOLS)
foreach(variable IN ITEMS ZIG LLD ZC_DARWIN_ARCH ZC_DARWIN_PLATFORM ZC_DARWIN_RUN)
  if(NOT DEFINED ${variable} AND DEFINED ENV{${variable}})
    set(${variable} "$ENV{${variable}}" CACHE STRING "for cmake/toolchain-darwin-zig.cmake")
  endif()
endforeach()
if(NOT ZC_DARWIN_ARCH)
  set(ZC_DARWIN_ARCH arm64)
endif()
if(NOT ZC_DARWIN_PLATFORM)
  set(ZC_DARWIN_PLATFORM macos)
endif()
find_program(ZIG zig REQUIRED)
find_program(LLD NAMES ld64.lld-19 ld64.lld-18 ld64.lld-17 ld64.lld-16 REQUIRED)
if(NOT DEFINED ZC_DARWIN_TOOLS)
  set(ZC_DARWIN_TOOLS ${CMAKE_BINARY_DIR}/darwin-tools)
endif()

get_filename_component(zig_real ${ZIG} REALPATH)
get_filename_component(zig_lib ${zig_real} DIRECTORY)
set(zig_lib ${zig_lib}/lib)
string(REPLACE arm64 aarch64 zig_arch ${ZC_DARWIN_ARCH})
set(CMAKE_SYSTEM_PROCESSOR ${ZC_DARWIN_ARCH})
set(tbd ${zig_lib}/libc/darwin/libSystem.13.tbd)

if(ZC_DARWIN_PLATFORM STREQUAL "macos")
  set(target ${zig_arch}-macos.11.0)
  set(platform "macos 11.0 13.0")
else()
  set(target ${zig_arch}-ios.13.4)
  set(platform "ios 13.4 16.0")
  if(ZC_DARWIN_PLATFORM STREQUAL "ios-simulator")
    set(target ${zig_arch}-ios.13.4-simulator)
    set(platform "ios-simulator 14.0 16.0")
  endif()
  # zig has macOS headers only; in this order they serve.
  set(include ${zig_lib}/libc/include)
  set(headers "-isystem ${include}/${zig_arch}-macos.13-none -isystem ${include}/any-macos.13-any -isystem ${include}/any-macos-any")
  # Nor has it stubs for iOS: macOS's, by another name.
  file(READ ${tbd} stubs)
  string(REPLACE "-macos" "-${ZC_DARWIN_PLATFORM}" stubs "${stubs}")
  set(tbd ${ZC_DARWIN_TOOLS}/libSystem.tbd)
  if(NOT EXISTS ${tbd})
    file(WRITE ${tbd} "${stubs}")
  endif()
endif()

set(CMAKE_C_COMPILER ${ZIG} cc)
set(CMAKE_CXX_COMPILER ${ZIG} c++)
set(CMAKE_C_FLAGS_INIT "-target ${target} ${headers}")
set(CMAKE_CXX_FLAGS_INIT "-target ${target} ${headers}")
foreach(tool IN ITEMS ar ranlib)
  if(NOT EXISTS ${ZC_DARWIN_TOOLS}/${tool})
    file(WRITE ${ZC_DARWIN_TOOLS}/${tool} "#!/bin/sh\nexec '${ZIG}' ${tool} \"$@\"\n")
    file(CHMOD ${ZC_DARWIN_TOOLS}/${tool} PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE)
  endif()
endforeach()
set(CMAKE_AR ${ZC_DARWIN_TOOLS}/ar)
set(CMAKE_RANLIB ${ZC_DARWIN_TOOLS}/ranlib)
find_program(CMAKE_NM NAMES llvm-nm llvm-nm-19 llvm-nm-18 llvm-nm-17 llvm-nm-16 llvm-nm-14)
set(CMAKE_INSTALL_NAME_TOOL true) # only for installing dylibs
set(CMAKE_OSX_SYSROOT "" CACHE STRING "" FORCE)
set(CMAKE_OSX_ARCHITECTURES "" CACHE STRING "" FORCE)
set(CMAKE_OSX_DEPLOYMENT_TARGET "" CACHE STRING "" FORCE)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_THREAD_LIBS_INIT "")
set(CMAKE_HAVE_LIBC_PTHREAD 1)

set(zc_darwin_link "${LLD} -arch ${ZC_DARWIN_ARCH} -platform_version ${platform} -fixup_chains")
set(zc_darwin_link_cxx "${ZIG} c++ -target ${target}")
set(zc_darwin_stubs ${tbd})
set(CMAKE_USER_MAKE_RULES_OVERRIDE ${CMAKE_CURRENT_LIST_DIR}/darwin-zig-rules.cmake)
set(ZC_LINKS_DIRECTLY ON) # the linker is called without a compiler in between: no -Wl,

if(ZC_DARWIN_RUN)
  set(CMAKE_CROSSCOMPILING_EMULATOR ${ZC_DARWIN_RUN})
endif()
