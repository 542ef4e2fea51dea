/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* thread.h - the two words each thread has: its cache and its identity.
 * Invariants: zci_thread_cache is never NULL: it starts at a static cache that is always empty and full.
 *             The thread's cache is reached through thread_cache_get and nothing else.
 * Costs:      one load from a constant offset of the thread pointer (initial-exec: 8 bytes of static TLS,
 *             so that the library can also be opened with dlopen). */
#ifndef ZCI_OS_THREAD_H
#define ZCI_OS_THREAD_H

#include "base/compiler.h"

#include <stdint.h>

struct thread_cache;

extern __thread struct thread_cache *zci_thread_cache
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

ZCI_INLINE struct thread_cache *thread_cache_get(void)
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

/* Differs between live threads; even and never 0; stays the same in the child of a fork. */
ZCI_INLINE uint64_t thread_identity(void)
{
    return (uint64_t)(uintptr_t)&zci_thread_cache;
}

#endif
