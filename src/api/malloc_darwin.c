/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* malloc_darwin.c - malloc and its family as symbols, for the image that this is linked into. An archive of
 * its own: on Darwin a name binds per image, so a program chooses it knowing that pointers cross the border
 * both ways. They may: our free gives foreign blocks to their zone, and others' free finds our zone. */
#include "api/malloc_darwin.h"

#include "api/zone_darwin.h"

void *malloc(size_t size);
void free(void *block);
void *calloc(size_t count, size_t size);
void *realloc(void *block, size_t size);
void *reallocf(void *block, size_t size);
void *reallocarray(void *block, size_t count, size_t size);
void *valloc(size_t size);
void *aligned_alloc(size_t alignment, size_t size);
int posix_memalign(void **block, size_t alignment, size_t size);
size_t malloc_size(const void *block);
size_t malloc_good_size(size_t size);

ZCI_EXPORT void *malloc(size_t size)
{
    return contract_malloc(size);
}

ZCI_EXPORT void free(void *block)
{
    contract_free(block);
}

ZCI_EXPORT void *calloc(size_t count, size_t size)
{
    return zci_api_calloc(count, size);
}

ZCI_EXPORT void *realloc(void *block, size_t size)
{
    return darwin_realloc(block, size);
}

ZCI_EXPORT void *reallocf(void *block, size_t size)
{
    return darwin_reallocf(block, size);
}

ZCI_EXPORT void *reallocarray(void *block, size_t count, size_t size)
{
    return darwin_reallocarray(block, count, size);
}

ZCI_EXPORT void *valloc(size_t size)
{
    return zci_api_valloc(size);
}

ZCI_EXPORT void *aligned_alloc(size_t alignment, size_t size)
{
    return darwin_aligned_alloc(alignment, size);
}

ZCI_EXPORT int posix_memalign(void **block, size_t alignment, size_t size)
{
    return zci_api_posix_memalign(block, alignment, size);
}

/* 0 for what is no block, as the system's. */
ZCI_EXPORT size_t malloc_size(const void *block)
{
    size_t bytes = zci_zone.zone.size(&zci_zone.zone, block);
    return bytes != 0 || block == NULL ? bytes : zci_foreign_usable_bytes(block);
}

ZCI_EXPORT size_t malloc_good_size(size_t size)
{
    return zci_api_good_size(size);
}
