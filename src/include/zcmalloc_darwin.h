/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* zcmalloc_darwin.h - zcmalloc as a malloc zone of macOS and iOS: install, remove, watch.
 *
 * A program that links the promoting library has the zone installed before main. All functions may be
 * called from any thread, none from a signal handler; and the first call of any function of ours in a process must not
 * come from a handler of pthread_atfork, for it makes one itself. docs/darwin.md tells which way in reaches which
 * caller. */
#ifndef ZCMALLOC_DARWIN_H
#define ZCMALLOC_DARWIN_H

#include "zcmalloc.h"

#ifdef __cplusplus
extern "C" {
#endif

struct _malloc_zone_t;

/* Makes zcmalloc's zone the default one: malloc, in every library of the process, is served from it. Blocks
 * of the former default zone stay valid and are freed there. At no instant does a block have no zone, so
 * other threads may allocate and free meanwhile. Does nothing if it is installed already.
 * Returns 0; or -1 with EEXIST (another copy of this library is installed), EAGAIN (other code rearranges
 * the zones at the same time), or ENOTSUP (the zones cannot be listed). With EEXIST, too, the zone is registered then,
 * and free takes its blocks. */
ZC_ATTR_EXPORT int zc_zone_install(void) ZC_NOEXCEPT;

/* Lets malloc be served from the former default zone again, whatever other threads do meanwhile. Our blocks
 * stay valid, and free frees them: to that end our zone keeps its place, but gives no block any more.
 * This and zc_zone_is_default speak of the default zone only. Where malloc is reached directly, by the inserted dylib
 * or libzcmalloc_malloc.a, it stays ours whatever they return, and so do the archive's operators new.
 * Returns 0; or -1 with ENOENT (our zone does not serve malloc), EAGAIN or ENOTSUP as above. */
ZC_ATTR_EXPORT int zc_zone_uninstall(void) ZC_NOEXCEPT;

/* Registers zcmalloc's zone without making it the default: for malloc_zone_malloc(zone, ...). free takes its
 * blocks. The same zone each time: all of it is one heap, so malloc_destroy_zone frees nothing; but it takes
 * the zone off libmalloc's list, so nobody may call it while the heap has blocks. NULL with EEXIST if another
 * copy of this library has registered its zone, with EAGAIN while others rearrange the zones. */
ZC_ATTR_EXPORT struct _malloc_zone_t *zc_zone_create(void) ZC_NOEXCEPT;

/* 1 if our zone is the default one now and serves it; 0 says nothing of malloc that is reached directly, see above. */
ZC_ATTR_EXPORT int zc_zone_is_default(void) ZC_NOEXCEPT;

/* Figures of the process, in bytes; 0 for what the system does not tell. */
struct zc_process_memory {
    uint64_t phys_footprint_bytes; /* what the system's memory limit counts */
    uint64_t available_bytes;      /* below that limit; iOS 13 and later */
};

ZC_ATTR_EXPORT void zc_process_memory_get(struct zc_process_memory *memory) ZC_NOEXCEPT;

/* Gives free memory back when the system reports that memory is short: on iOS nobody else asks for it. Needs
 * libdispatch; installs one event source per process, after which the child of a fork cannot use libdispatch. 0, or -1
 * with ENOTSUP. The promoting library calls it, but not on macOS, where the system tells the zones. */
ZC_ATTR_EXPORT int zc_pressure_watch(void) ZC_NOEXCEPT;

/* For applicationDidEnterBackground: gives back what can be given back, before the system looks for memory.
 * Returns the bytes. */
ZC_ATTR_EXPORT size_t zc_enter_background(void) ZC_NOEXCEPT;

/* One symbol to be bound anew in every loaded image. */
struct zc_rebinding {
    const char *name;  /* as in C, without the underscore */
    void *replacement; /* a function of the same type */
    void **original;   /* may be NULL; a NULL there becomes what the images called before */
};

/* Makes the images that are loaded now, the caller's included, call replacement where they called name
 * through a pointer that the dynamic linker had filled in. For observers (counting, logging), not for
 * replacing malloc: calls inside the system's shared cache are not reached, nor images loaded later.
 * Returns how many pointers were changed, or -1 with EINVAL. Call it while one thread runs. */
ZC_ATTR_EXPORT int zc_rebind(const struct zc_rebinding *rebindings, size_t count) ZC_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif
