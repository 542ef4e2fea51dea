/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* public.c - the zc_ functions of zcmalloc.h, whose comments are the contract. */
#include "api/contract.h"
#include "heap/bootstrap.h"
#include "heap/gc.h"
#include "heap/limit.h"
#include "heap/stats.h"
#include "zcmalloc.h"

#include <string.h>

#define STRINGIFY_VALUE(x) #x
#define STRINGIFY(x)       STRINGIFY_VALUE(x)

ZCI_FAST_ENTRY void *zc_malloc(size_t size)
{
    return contract_malloc(size);
}

ZCI_FAST_ENTRY void zc_free(void *block)
{
    contract_free(block);
}

void *zc_calloc(size_t count, size_t size)
{
    return zci_api_calloc(count, size);
}

ZCI_FAST_ENTRY void *zc_realloc(void *block, size_t size)
{
    return contract_realloc(block, size);
}

void *zc_reallocarray(void *block, size_t count, size_t size)
{
    return zci_api_reallocarray(block, count, size);
}

void *zc_aligned_alloc(size_t alignment, size_t size)
{
    return zci_api_aligned_alloc(alignment, size);
}

void zc_free_sized(void *block, size_t size)
{
    (void)size;
    contract_free(block);
}

void zc_free_aligned_sized(void *block, size_t alignment, size_t size)
{
    (void)alignment;
    (void)size;
    contract_free(block);
}

int zc_posix_memalign(void **block, size_t alignment, size_t size)
{
    return zci_api_posix_memalign(block, alignment, size);
}

void *zc_memalign(size_t alignment, size_t size)
{
    return zci_api_memalign(alignment, size);
}

void *zc_valloc(size_t size)
{
    return zci_api_valloc(size);
}

void *zc_pvalloc(size_t size)
{
    return zci_api_pvalloc(size);
}

size_t zc_malloc_usable_size(const void *block)
{
    return zci_api_usable_size(block);
}

size_t zc_malloc_good_size(size_t size)
{
    return zci_api_good_size(size);
}

int zc_owns(const void *block)
{
    return zci_heap_owns(block);
}

size_t zc_trim(size_t keep_bytes)
{
    int saved = errno;
    zci_bootstrap();
    size_t released = zci_gc_collect(GC_ALL, keep_bytes);
    errno = saved;
    return released;
}

size_t zc_collect(int level)
{
    int saved = errno;
    size_t released;
    zci_bootstrap();
    switch (level) {
    case ZC_COLLECT_STEP:
        released = zci_gc_collect(GC_STEP, 0);
        break;
    case ZC_COLLECT_CACHES:
        released = zci_gc_collect(GC_CACHES, 0);
        break;
    case ZC_COLLECT_ALL:
        released = zci_gc_collect(GC_ALL, 0);
        break;
    default:
        errno = EINVAL;
        return 0;
    }
    errno = saved;
    return released;
}

size_t zc_release_to_os(size_t bytes)
{
    int saved = errno;
    zci_bootstrap();
    size_t released = zci_gc_release(bytes);
    errno = saved;
    return released;
}

int zc_background_start(void)
{
    int saved = errno;
    zci_bootstrap();
    bool done = zci_gc_background_start();
    errno = done ? saved : EAGAIN;
    return done ? 0 : -1;
}

void zc_background_stop(void)
{
    int saved = errno;
    zci_gc_background_stop();
    errno = saved;
}

size_t zc_limit_get(int which)
{
    zci_bootstrap();
    switch (which) {
    case ZC_LIMIT_SOFT:
        return zci_limit_soft();
    case ZC_LIMIT_HARD:
        return zci_limit_hard();
    default:
        return 0;
    }
}

int zc_limit_set(int which, size_t bytes)
{
    int saved = errno;
    /* Or the first allocation would set the limits from the options. */
    zci_bootstrap();
    switch (which) {
    case ZC_LIMIT_SOFT:
        zci_limit_set_soft(bytes);
        break;
    case ZC_LIMIT_HARD:
        zci_limit_set_hard(bytes);
        break;
    default:
        errno = EINVAL;
        return -1;
    }
    errno = saved;
    return 0;
}

static int fail_invalid(void)
{
    errno = EINVAL;
    return -1;
}

int zc_stats_get(struct zc_stats *stats, size_t struct_bytes)
{
    struct zc_stats all;
    int saved = errno;
    if (struct_bytes < 8)
        return fail_invalid();
    zci_stats_collect(&all);
    zci_stats_add_process(&all);
    memcpy(stats, &all, min_size(struct_bytes, sizeof all));
    errno = saved;
    return 0;
}

int zc_stats_get_class(size_t index, struct zc_class_stats *stats, size_t struct_bytes)
{
    struct zc_class_stats row;
    if (struct_bytes < 8 || index >= ZCI_STATS_CLASSES)
        return fail_invalid();
    zci_stats_collect_class(index, &row);
    memcpy(stats, &row, min_size(struct_bytes, sizeof row));
    return 0;
}

int zc_stats_write(int fd, int format)
{
    int saved = errno;
    int error = zci_stats_print(fd, format);
    errno = error != 0 ? error : saved;
    return error != 0 ? -1 : 0;
}

void zc_stats_print(int fd)
{
    int saved = errno;
    (void)zci_stats_print(fd, ZC_STATS_TEXT);
    errno = saved;
}

const char *zc_version(void)
{
    return STRINGIFY(ZC_VERSION_MAJOR) "." STRINGIFY(ZC_VERSION_MINOR) "." STRINGIFY(
        ZC_VERSION_PATCH);
}
