/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* contract.h - what the standards promise, once, for every name under which it is offered.
 * Invariants: errno is set here and nowhere below; functions that free keep it. Each front-end inlines
 *             these, so a call through any name is as short as through any other.
 * Costs:      see thread_cache.h. */
#ifndef ZCI_API_CONTRACT_H
#define ZCI_API_CONTRACT_H

#include "base/bits.h"
#include "base/size_class.h"
#include "heap/heap.h"
#include "os/os.h"
#include "thread_cache/thread_cache.h"

#include <errno.h>
#include <stdint.h>

/* --- out of line, api.c ------------------------------------------------------------------------ */

void *zci_api_malloc_slow(size_t size) ZCI_NOTHROW;
void zci_api_free_slow(void *block) ZCI_NOTHROW;
void *zci_api_calloc(size_t count, size_t size);
void *zci_api_realloc_slow(void *block, size_t size);
void *zci_api_reallocarray(void *block, size_t count, size_t size);
/* alignment is a power of two. */
void *zci_api_aligned(size_t alignment, size_t size) ZCI_NOTHROW;
void *zci_api_aligned_alloc(size_t alignment, size_t size);
void *zci_api_memalign(size_t alignment, size_t size);
int zci_api_posix_memalign(void **block, size_t alignment, size_t size);
void *zci_api_valloc(size_t size);
void *zci_api_pvalloc(size_t size);
size_t zci_api_usable_size(const void *block);
size_t zci_api_good_size(size_t size);

/* --- blocks of other heaps in this process ------------------------------------------------------ */

#if ZCI_OS_HAS_ZONES
/* false: no other heap has the block either. */
bool zci_foreign_free(void *block);
bool zci_foreign_resize(void *block, size_t size, void **resized);
size_t zci_foreign_usable_bytes(const void *block); /* 0: none has it */
#else
ZCI_INLINE bool zci_foreign_free(void *block)
{
    (void)block;
    return false;
}

ZCI_INLINE bool zci_foreign_resize(void *block, size_t size, void **resized)
{
    (void)block;
    (void)size;
    (void)resized;
    return false;
}

ZCI_INLINE size_t zci_foreign_usable_bytes(const void *block)
{
    (void)block;
    return 0;
}
#endif

/* --- the fast path ------------------------------------------------------------------------------ */

ZCI_INLINE void *contract_malloc(size_t size)
{
    void *block = thread_cache_pop(size);
    return ZCI_LIKELY(block != NULL) ? block : zci_api_malloc_slow(size);
}

ZCI_INLINE void contract_free(void *block)
{
    if (ZCI_UNLIKELY(!thread_cache_push(block)))
        zci_api_free_slow(block);
}

ZCI_INLINE void *contract_realloc(void *block, size_t size)
{
    /* Nothing fits NULL, and size 0 fits nothing. */
    return ZCI_LIKELY(heap_stays(block, size)) ? block : zci_api_realloc_slow(block, size);
}

#endif
