/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* thread.h - the two words each thread has: its cache and its identity.
 * Invariants: thread_cache_get is never NULL: it starts at a static cache that is always empty and full.
 *             thread_cache_peek may be that cache although the thread has another: only the fast path
 *             uses it, and asks the slow side then.
 * Costs:      one load from a constant offset of the thread pointer (initial-exec: 16 bytes of static TLS,
 *             so that the library can also be opened with dlopen). Darwin: thread_darwin.h. */
#ifndef ZCI_OS_THREAD_H
#define ZCI_OS_THREAD_H

#include "base/compiler.h"

#include <stdbool.h>
#include <stdint.h>

struct thread_cache;

/* So many frees of a thread without a cache bring it none: libc frees a block or two after the last destructor, and
 * a cache would stay behind. Who goes on needs one. */
#define THREAD_FIRST_FREES 16

#if defined(__APPLE__)
#include "os/thread_darwin.h"
#define ZCI_THREAD_VARIABLE 0
#else
#define ZCI_THREAD_VARIABLE 1

extern __thread struct thread_cache *zci_thread_cache __attribute__((tls_model("initial-exec")))
ZCI_HIDDEN;

ZCI_INLINE struct thread_cache *thread_cache_get(void)
{
    return zci_thread_cache;
}

ZCI_INLINE struct thread_cache *thread_cache_peek(void)
{
    return zci_thread_cache;
}

ZCI_INLINE void thread_cache_set(struct thread_cache *cache)
{
    zci_thread_cache = cache;
}

/* Where the calling thread keeps what thread_cache_get returns; valid until its exit hook has run. */
ZCI_INLINE struct thread_cache **thread_cache_owner(void)
{
    return &zci_thread_cache;
}

/* false: this process cannot remember a cache per thread. */
ZCI_INLINE bool thread_cache_can_set(void)
{
    return true;
}

extern __thread uint32_t zci_thread_first_frees __attribute__((tls_model("initial-exec")))
ZCI_HIDDEN;

/* Counts the calling thread's first frees: false from here on. */
ZCI_INLINE bool thread_is_first_free(void)
{
    return zci_thread_first_frees < THREAD_FIRST_FREES && ++zci_thread_first_frees != 0;
}

/* Differs between live threads; even and never 0; stays the same in the child of a fork. */
ZCI_INLINE uint64_t thread_identity(void)
{
    return (uint64_t)(uintptr_t)&zci_thread_cache;
}

#endif

#endif
