/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* malloc_darwin.h - the malloc family with the system's contracts, for whichever names it goes by here.
 * Costs:      malloc and free are the fast path itself: no zone in between. */
#ifndef ZCI_API_MALLOC_DARWIN_H
#define ZCI_API_MALLOC_DARWIN_H

#include "api/contract.h"

/* As macOS has it: size 0 gives a block of the least size; the old block goes. */
ZCI_INLINE void *darwin_realloc(void *block, size_t size)
{
    return contract_realloc(block, size != 0 ? size : 1);
}

ZCI_INLINE void *darwin_reallocf(void *block, size_t size)
{
    void *resized = darwin_realloc(block, size);
    if (resized == NULL && block != NULL)
        contract_free(block);
    return resized;
}

ZCI_INLINE void *darwin_reallocarray(void *block, size_t count, size_t size)
{
    size_t bytes;
    if (ZCI_UNLIKELY(__builtin_mul_overflow(count, size, &bytes))) {
        errno = ENOMEM;
        return NULL;
    }
    return darwin_realloc(block, bytes);
}

/* EINVAL also for sizes that are no multiple of the alignment, as the system has it. */
ZCI_INLINE void *darwin_aligned_alloc(size_t alignment, size_t size)
{
    if (!is_power_of_two(alignment) || alignment < sizeof(void *) ||
        (size & (alignment - 1)) != 0) {
        errno = EINVAL;
        return NULL;
    }
    return zci_api_aligned(alignment, size);
}

#endif
