/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* heaps.c - zc_heap_ and zc_pool_ of zcmalloc.h, whose comments are the contract. A handle is the address of
 * the descriptor; a pool is a private heap with one class. errno is set here and nowhere below. */
#include "api/contract.h"
#include "heap/private_cache.h"
#include "zcmalloc.h"

#include <string.h>

static struct private_heap *of_heap(struct zc_heap *heap)
{
    return (struct private_heap *)heap;
}

static struct private_heap *of_pool(struct zc_pool *pool)
{
    return (struct private_heap *)pool;
}

static void *fail(int error)
{
    errno = error;
    return NULL;
}

/* What the slow side did to errno is undone; a refusal is ENOMEM. */
static void *finish(void *block, int saved)
{
    errno = ZCI_LIKELY(block != NULL) ? saved : ENOMEM;
    return block;
}

static ZCI_NOINLINE void *malloc_slow(struct private_heap *heap, size_t size)
{
    if (ZCI_UNLIKELY(size > PTRDIFF_MAX))
        return fail(ENOMEM);
    int saved = errno;
    return finish(zci_private_alloc_slow(heap, size, "zc_heap_malloc"), saved);
}

static ZCI_NOINLINE void free_slow(struct private_heap *heap, void *block, const char *verb)
{
    int saved = errno;
    zci_private_free_slow(heap, block, verb);
    errno = saved;
}

struct zc_heap *zc_heap_new(void)
{
    int saved = errno;
    return finish(zci_private_new(), saved);
}

void zc_heap_destroy(struct zc_heap *heap)
{
    int saved = errno;
    if (heap != NULL)
        zci_private_destroy(of_heap(heap), "zc_heap_destroy");
    errno = saved;
}

void *zc_heap_malloc(struct zc_heap *heap, size_t size)
{
    void *block = private_pop(of_heap(heap), size);
    return ZCI_LIKELY(block != NULL) ? block : malloc_slow(of_heap(heap), size);
}

void *zc_heap_calloc(struct zc_heap *heap, size_t count, size_t size)
{
    size_t bytes;
    if (ZCI_UNLIKELY(__builtin_mul_overflow(count, size, &bytes) || bytes > PTRDIFF_MAX))
        return fail(ENOMEM);
    int saved = errno;
    return finish(zci_private_alloc_zeroed(of_heap(heap), bytes, "zc_heap_calloc"), saved);
}

void *zc_heap_realloc(struct zc_heap *heap, void *block, size_t size)
{
    if (block == NULL)
        return zc_heap_malloc(heap, size);
    if (size == 0) {
        zc_heap_free(heap, block);
        return NULL;
    }
    if (ZCI_UNLIKELY(size > PTRDIFF_MAX))
        return fail(ENOMEM);
    int saved = errno;
    return finish(zci_private_resize(of_heap(heap), block, size, "zc_heap_realloc"), saved);
}

void *zc_heap_memalign(struct zc_heap *heap, size_t alignment, size_t size)
{
    if (!is_power_of_two(alignment))
        return fail(EINVAL);
    if (ZCI_UNLIKELY(size > PTRDIFF_MAX - (alignment - 1)))
        return fail(ENOMEM);
    int saved = errno;
    return finish(zci_private_alloc_aligned(of_heap(heap), size, alignment, "zc_heap_memalign"),
                  saved);
}

void zc_heap_free(struct zc_heap *heap, void *block)
{
    if (ZCI_UNLIKELY(!private_push(of_heap(heap), block, false)))
        free_slow(of_heap(heap), block, "zc_heap_free");
}

size_t zc_heap_usable_size(struct zc_heap *heap, const void *block)
{
    zci_private_require(of_heap(heap), "zc_heap_usable_size");
    if (block == NULL)
        return 0;
    return zci_private_usable_bytes(zci_private_span(of_heap(heap), block, "zc_heap_usable_size"));
}

int zc_heap_owns(struct zc_heap *heap, const void *block)
{
    zci_private_require(of_heap(heap), "zc_heap_owns");
    return zci_private_owns(of_heap(heap), block);
}

size_t zc_heap_collect(struct zc_heap *heap)
{
    int saved = errno;
    zci_private_require(of_heap(heap), "zc_heap_collect");
    size_t bytes = zci_private_collect(of_heap(heap));
    errno = saved;
    return bytes;
}

static int fill_stats(const struct private_heap *heap, struct zc_heap_usage *stats,
                      size_t struct_bytes)
{
    struct private_stats found;
    if (struct_bytes < 8) {
        errno = EINVAL;
        return -1;
    }
    zci_private_stats(heap, &found);
    struct zc_heap_usage all = {
        .version = ZC_HEAP_USAGE_VERSION,
        .struct_bytes = sizeof all,
        .live_bytes = found.live_bytes,
        .live_count = found.live_count,
        .cached_bytes = found.cached_bytes,
        .cached_count = found.cached_count,
        .span_count = found.span_count,
        .held_bytes = found.held_bytes,
        .held_peak_bytes = found.held_peak_bytes,
    };
    memcpy(stats, &all, min_size(struct_bytes, sizeof all));
    return 0;
}

int zc_heap_stats(struct zc_heap *heap, struct zc_heap_usage *stats, size_t struct_bytes)
{
    zci_private_require(of_heap(heap), "zc_heap_stats");
    return fill_stats(of_heap(heap), stats, struct_bytes);
}

/* --- pools --------------------------------------------------------------------------------------------- */

struct zc_pool *zc_pool_new(size_t size, size_t alignment)
{
    if (alignment == 0)
        alignment = size > 8 ? 16 : 8;
    if (!is_power_of_two(alignment))
        return fail(EINVAL);
    if (ZCI_UNLIKELY(size > PTRDIFF_MAX - (alignment - 1)))
        return fail(ENOMEM);
    int saved = errno;
    return finish(zci_private_new_pool(size, alignment), saved);
}

void zc_pool_destroy(struct zc_pool *pool)
{
    int saved = errno;
    if (pool != NULL)
        zci_private_destroy(of_pool(pool), "zc_pool_destroy");
    errno = saved;
}

static ZCI_NOINLINE void *pool_malloc_slow(struct private_heap *pool)
{
    int saved = errno;
    return finish(zci_private_pool_alloc_slow(pool, "zc_pool_malloc"), saved);
}

void *zc_pool_malloc(struct zc_pool *pool)
{
    void *block = private_pool_pop(of_pool(pool));
    return ZCI_LIKELY(block != NULL) ? block : pool_malloc_slow(of_pool(pool));
}

void zc_pool_free(struct zc_pool *pool, void *block)
{
    if (ZCI_UNLIKELY(!private_push(of_pool(pool), block, true)))
        free_slow(of_pool(pool), block, "zc_pool_free");
}

size_t zc_pool_collect(struct zc_pool *pool)
{
    int saved = errno;
    zci_private_require(of_pool(pool), "zc_pool_collect");
    size_t bytes = zci_private_collect(of_pool(pool));
    errno = saved;
    return bytes;
}

int zc_pool_stats(struct zc_pool *pool, struct zc_heap_usage *stats, size_t struct_bytes)
{
    zci_private_require(of_pool(pool), "zc_pool_stats");
    return fill_stats(of_pool(pool), stats, struct_bytes);
}
