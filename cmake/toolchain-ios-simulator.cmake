# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
#
# Build for the iOS simulator on a Mac, with Xcode's AppleClang. Static libraries only.
#   cmake -B build/ios-simulator -DCMAKE_TOOLCHAIN_FILE=cmake/toolchain-ios-simulator.cmake
set(CMAKE_SYSTEM_NAME iOS)
set(CMAKE_OSX_SYSROOT iphonesimulator CACHE STRING "")
set(CMAKE_OSX_ARCHITECTURES "arm64;x86_64" CACHE STRING "")
set(CMAKE_OSX_DEPLOYMENT_TARGET 13.4 CACHE STRING "")
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(ZC_BUILD_SHARED OFF CACHE BOOL "")
set(ZC_BUILD_TESTS OFF CACHE BOOL "")
