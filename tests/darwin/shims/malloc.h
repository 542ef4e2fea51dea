/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* malloc.h - glibc's header for tests on Darwin: the names that Darwin lacks, by those it has. */
#ifndef TESTS_DARWIN_SHIMS_MALLOC_H
#define TESTS_DARWIN_SHIMS_MALLOC_H

#include <malloc/malloc.h>
#include <stdlib.h>

/* Unless zcmalloc_override.h has named them already. */
#ifndef memalign
#define memalign           shim_memalign
#define malloc_usable_size malloc_size
#endif
#define malloc_trim shim_trim

static inline __attribute__((unused)) void *shim_memalign(size_t alignment, size_t size)
{
    void *block = NULL;
    if (alignment < sizeof(void *))
        alignment = sizeof(void *);
    return posix_memalign(&block, alignment, size) == 0 ? block : NULL;
}

static inline __attribute__((unused)) int shim_trim(size_t keep_bytes)
{
    (void)keep_bytes;
    return malloc_zone_pressure_relief(NULL, 0) != 0;
}

#endif
