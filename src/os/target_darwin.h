/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* target_darwin.h - which Darwin this is compiled for, as the compiler knows it: TargetConditionals.h
 * depends on whose SDK is at hand.
 * Invariants: ZCI_DARWIN_MACOS holds for macOS and for Catalyst, whose kernel is macOS's. */
#ifndef ZCI_OS_TARGET_DARWIN_H
#define ZCI_OS_TARGET_DARWIN_H

#if defined(__APPLE__)
#if __is_target_environment(simulator)
#define ZCI_DARWIN_SIMULATOR 1
#else
#define ZCI_DARWIN_SIMULATOR 0
#endif
#if __is_target_environment(macabi)
#define ZCI_DARWIN_CATALYST 1
#else
#define ZCI_DARWIN_CATALYST 0
#endif
#if ZCI_DARWIN_CATALYST || __is_target_os(macos)
#define ZCI_DARWIN_MACOS 1
#else
#define ZCI_DARWIN_MACOS 0
#endif
/* A device with little address space. */
#define ZCI_DARWIN_DEVICE (!ZCI_DARWIN_MACOS && !ZCI_DARWIN_SIMULATOR)
#endif

#endif
