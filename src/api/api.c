/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* api.c - the standards' fine print, see contract.h. */
#include "api/contract.h"

#include <string.h>

static void *fail(int error)
{
    errno = error;
    return NULL;
}

static void *or_no_memory(void *block)
{
    return ZCI_LIKELY(block != NULL) ? block : fail(ENOMEM);
}

/* Not a block of ours, and not one that our class map mistakes for one: another heap of the process may
 * have it. */
static bool may_be_foreign(const void *block)
{
    return ZCI_OS_HAS_ZONES && block != NULL && class_map_get(block) == 0 && !zci_heap_owns(block);
}

static bool is_too_large(size_t size)
{
    return size > PTRDIFF_MAX;
}

void *zci_api_malloc_slow(size_t size)
{
    if (ZCI_UNLIKELY(is_too_large(size)))
        return fail(ENOMEM);
    int saved = errno;
    void *block = zci_heap_alloc_slow(size);
    errno = saved;
    return or_no_memory(block);
}

void zci_api_free_slow(void *block)
{
    /* Often: the fast path has no test for it. */
    if (block == NULL)
        return;
    int saved = errno;
    if (!may_be_foreign(block) || !zci_foreign_free(block))
        zci_heap_free_slow(block);
    errno = saved;
}

static ZCI_NOINLINE void *calloc_slow(size_t bytes)
{
    if (ZCI_UNLIKELY(is_too_large(bytes)))
        return fail(ENOMEM);
    int saved = errno;
    void *block = zci_heap_alloc_zeroed(bytes);
    errno = saved;
    return or_no_memory(block);
}

/* Whole words of a block, at least one. For few of them a call is most of the work: two stores overlap. */
ZCI_INLINE void *zero_words(char *block, size_t bytes)
{
    size_t words_bytes = align_up(bytes + (bytes == 0), 8);
    if (words_bytes > 32)
        return memset(block, 0, words_bytes);
    if (words_bytes <= 16) {
        memset(block, 0, 8);
        memset(block + words_bytes - 8, 0, 8);
    } else {
        memset(block, 0, 16);
        memset(block + words_bytes - 16, 0, 16);
    }
    return block;
}

void *zci_api_calloc(size_t count, size_t size)
{
    size_t bytes;
    if (ZCI_UNLIKELY(__builtin_mul_overflow(count, size, &bytes)))
        return fail(ENOMEM);
    void *block = thread_cache_pop(bytes);
    return ZCI_LIKELY(block != NULL) ? zero_words(block, bytes) : calloc_slow(bytes);
}

/* From the front of one block to the front of another, both at least bytes long. For few of them a call is most of
 * the work: whole words, of which two may overlap. */
ZCI_INLINE void copy_words(char *to, const char *from, size_t bytes)
{
    size_t words_bytes = align_up(bytes, 8);
    if (words_bytes > 32) {
        memcpy(to, from, bytes);
    } else if (words_bytes <= 16) {
        memcpy(to, from, 8);
        memcpy(to + words_bytes - 8, from + words_bytes - 8, 8);
    } else {
        memcpy(to, from, 16);
        memcpy(to + words_bytes - 16, from + words_bytes - 16, 16);
    }
}

static ZCI_NOINLINE void *move_small_slow(void *block, size_t usable, size_t size)
{
    if (ZCI_UNLIKELY(is_too_large(size)))
        return fail(ENOMEM);
    int saved = errno;
    void *moved = zci_heap_move_small(block, usable, size);
    errno = saved;
    return or_no_memory(moved);
}

/* Apart, so that a realloc that finds out late that it has nothing to do needs no frame. */
static ZCI_NOINLINE void *move_small(void *block, size_t usable, size_t size)
{
    char *moved = thread_cache_pop(heap_room_ahead(usable, size));
    if (ZCI_UNLIKELY(moved == NULL))
        return move_small_slow(block, usable, size);
    copy_words(moved, block, min_size(usable, size));
    contract_free(block);
    return moved;
}

static ZCI_NOINLINE void *resize_block(void *block, size_t size)
{
    if (ZCI_UNLIKELY(is_too_large(size)))
        return fail(ENOMEM);
    int saved = errno;
    void *resized = NULL;
    if (!may_be_foreign(block) || !zci_foreign_resize(block, size, &resized))
        resized = zci_heap_resize(block, size);
    errno = saved;
    return or_no_memory(resized);
}

static ZCI_NOINLINE void *new_block(size_t size)
{
    return contract_malloc(size);
}

/* Frees for size 0, as realloc does in glibc. */
static ZCI_NOINLINE void *free_block(void *block)
{
    contract_free(block);
    return NULL;
}

void *zci_api_realloc_slow(void *block, size_t size)
{
    if (ZCI_UNLIKELY(block == NULL))
        return new_block(size);
    if (ZCI_UNLIKELY(size == 0))
        return free_block(block);
    size_t usable = heap_small_bytes(block);
    if (ZCI_UNLIKELY(usable == 0))
        return resize_block(block, size);
    return heap_fits(usable, size) ? block : move_small(block, usable, size);
}

void *zci_api_reallocarray(void *block, size_t count, size_t size)
{
    size_t bytes;
    if (ZCI_UNLIKELY(__builtin_mul_overflow(count, size, &bytes)))
        return fail(ENOMEM);
    return contract_realloc(block, bytes);
}

void *zci_api_aligned(size_t alignment, size_t size)
{
    if (ZCI_UNLIKELY(size > PTRDIFF_MAX - (alignment - 1)))
        return fail(ENOMEM);
    int saved = errno;
    void *block = zci_heap_alloc_aligned(size, alignment);
    errno = saved;
    return or_no_memory(block);
}

void *zci_api_aligned_alloc(size_t alignment, size_t size)
{
    return is_power_of_two(alignment) ? zci_api_aligned(alignment, size) : fail(EINVAL);
}

void *zci_api_memalign(size_t alignment, size_t size)
{
    if (alignment > SIZE_MAX / 2 + 1)
        return fail(EINVAL);
    if (!is_power_of_two(alignment))
        alignment = alignment == 0 ? 1 : (size_t)2 << log2_floor(alignment);
    return zci_api_aligned(alignment, size);
}

int zci_api_posix_memalign(void **block, size_t alignment, size_t size)
{
    if (!is_power_of_two(alignment) || alignment % sizeof(void *) != 0)
        return EINVAL;
    int saved = errno;
    void *aligned = zci_api_aligned(alignment, size);
    errno = saved;
    if (aligned == NULL)
        return ENOMEM;
    *block = aligned;
    return 0;
}

void *zci_api_valloc(size_t size)
{
    return zci_api_aligned(zci_os_page_bytes(), size);
}

void *zci_api_pvalloc(size_t size)
{
    size_t page = zci_os_page_bytes();
    if (ZCI_UNLIKELY(size > PTRDIFF_MAX - page))
        return fail(ENOMEM);
    return zci_api_aligned(page, align_up(size, page));
}

size_t zci_api_usable_size(const void *block)
{
    if (block == NULL)
        return 0;
    size_t foreign_bytes = may_be_foreign(block) ? zci_foreign_usable_bytes(block) : 0;
    return foreign_bytes != 0 ? foreign_bytes : zci_heap_usable_bytes(block, "malloc_usable_size");
}

size_t zci_api_good_size(size_t size)
{
    return is_too_large(size) ? size : zci_heap_good_bytes(size);
}
