# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
#
# zc_add_layer(name sources...) - one folder, one object library, added to the list of all layers.
# zc_compile_options(target)    - what every file of ours is compiled with.

set(ZC_SANITIZE "" CACHE STRING "address, undefined or thread, or two with a comma: for tests with the prefixed library")

function(zc_compile_options target)
  target_compile_options(${target} PRIVATE
    -Wall -Wextra -Wshadow -Wpointer-arith -Wundef -Wwrite-strings -Wvla -fno-strict-aliasing
    $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes -Wmissing-prototypes>)
  target_compile_definitions(${target} PRIVATE _GNU_SOURCE)
  if(ZC_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${ZC_SANITIZE} -fno-omit-frame-pointer -g)
    target_link_options(${target} PUBLIC -fsanitize=${ZC_SANITIZE})
    if(ZC_SANITIZE MATCHES "undefined")
      target_compile_options(${target} PRIVATE -fno-sanitize-recover=all)
    endif()
  endif()
endfunction()

# Definitions that every layer and every test of internals must agree on.
add_library(zc_internal INTERFACE)
target_include_directories(zc_internal INTERFACE
  ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/src/include)
target_link_libraries(zc_internal INTERFACE CK::headers)
target_compile_definitions(zc_internal INTERFACE
  ZCI_DEBUG_CHECKS=$<BOOL:${ZC_DEBUG_CHECKS}>)
if(APPLE)
  # All blocks are multiples of 16.
  target_compile_definitions(zc_internal INTERFACE ZCI_CLASS_FIRST=2)
endif()
if(ZC_SANITIZE STREQUAL "thread")
  target_compile_definitions(zc_internal INTERFACE ZCI_COMPILER_ATOMICS=1)
endif()

function(zc_add_layer name)
  add_library(${name} OBJECT ${ARGN})
  set_target_properties(${name} PROPERTIES
    C_STANDARD 11 C_EXTENSIONS ON CXX_STANDARD 17 CXX_EXTENSIONS ON
    C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
    POSITION_INDEPENDENT_CODE ON
    UNITY_BUILD OFF) # files have statics of one name
  target_link_libraries(${name} PUBLIC zc_internal)
  # No builtin malloc: the compiler must not turn our calloc into a call of calloc.
  target_compile_options(${name} PRIVATE -ftls-model=initial-exec -fno-builtin-malloc
    -fno-builtin-calloc -fno-builtin-realloc -fno-builtin-free -fno-builtin-posix_memalign
    -fno-builtin-aligned_alloc)
  zc_compile_options(${name})
  set_property(GLOBAL APPEND PROPERTY ZC_LAYERS ${name})
endfunction()
