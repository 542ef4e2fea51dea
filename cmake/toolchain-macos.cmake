# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
#
# Universal build for macOS on a Mac, with AppleClang.
#   cmake -B build/macos -DCMAKE_TOOLCHAIN_FILE=cmake/toolchain-macos.cmake
set(CMAKE_OSX_ARCHITECTURES "arm64;x86_64" CACHE STRING "")
set(CMAKE_OSX_DEPLOYMENT_TARGET 11.0 CACHE STRING "")
