/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* interpose_darwin.c - in the dylib only: dyld binds the names below to ours, in every image but this one,
 * when the dylib is inserted (DYLD_INSERT_LIBRARIES) or linked. Calls then reach the fast path without a
 * zone in between, also before constructors have run. The malloc_zone_ functions stay the system's, so
 * tools see the zones as they are. The typed names go together with the plain ones: a system that sees
 * only the plain ones interposed stays on its slow path for good.
 * The library is pinned by os_darwin.c: its blocks and hooks outlive any dlclose. */
#include "api/malloc_darwin.h"
#include "api/zone_darwin.h"

#define SYSTEM(result, name, ...) extern result name(__VA_ARGS__)
#define NEWER(result, name, ...)  extern result name(__VA_ARGS__) __attribute__((weak_import))

SYSTEM(void *, malloc, size_t size);
SYSTEM(void, free, void *block);
SYSTEM(void *, calloc, size_t count, size_t size);
SYSTEM(void *, realloc, void *block, size_t size);
SYSTEM(void *, reallocf, void *block, size_t size);
SYSTEM(void *, valloc, size_t size);
SYSTEM(void *, aligned_alloc, size_t alignment, size_t size);
SYSTEM(int, posix_memalign, void **block, size_t alignment, size_t size);
SYSTEM(size_t, malloc_size, const void *block);
SYSTEM(size_t, malloc_good_size, size_t size);
NEWER(void *, reallocarray, void *block, size_t count, size_t size);
NEWER(void *, malloc_type_malloc, size_t size, uint64_t type);
NEWER(void *, malloc_type_calloc, size_t count, size_t size, uint64_t type);
NEWER(void *, malloc_type_realloc, void *block, size_t size, uint64_t type);
NEWER(void *, malloc_type_valloc, size_t size, uint64_t type);
NEWER(void *, malloc_type_aligned_alloc, size_t alignment, size_t size, uint64_t type);
NEWER(int, malloc_type_posix_memalign, void **block, size_t alignment, size_t size, uint64_t type);
NEWER(void, malloc_type_free, void *block, uint64_t type);

#define FAMILY(result, name, arguments) static result our_##name arguments

#include "api/malloc_darwin.def"

/* What dyld reads: pairs of the new function and the one it replaces. */
#define PAIR(ours, theirs)                                                                         \
    {                                                                                              \
        (const void *)(uintptr_t)(ours), (const void *)(uintptr_t)(theirs)                         \
    }

__attribute__((used, section("__DATA,__interpose"))) static const struct {
    const void *replacement;
    const void *replaced;
} pairs[] = {
    PAIR(our_malloc, malloc),
    PAIR(our_free, free),
    PAIR(our_calloc, calloc),
    PAIR(our_realloc, realloc),
    PAIR(our_reallocf, reallocf),
    PAIR(our_valloc, valloc),
    PAIR(our_aligned_alloc, aligned_alloc),
    PAIR(our_posix_memalign, posix_memalign),
    PAIR(our_malloc_size, malloc_size),
    PAIR(our_malloc_good_size, malloc_good_size),
    PAIR(our_reallocarray, reallocarray),
    PAIR(our_malloc_type_malloc, malloc_type_malloc),
    PAIR(our_malloc_type_calloc, malloc_type_calloc),
    PAIR(our_malloc_type_realloc, malloc_type_realloc),
    PAIR(our_malloc_type_valloc, malloc_type_valloc),
    PAIR(our_malloc_type_aligned_alloc, malloc_type_aligned_alloc),
    PAIR(our_malloc_type_posix_memalign, malloc_type_posix_memalign),
    PAIR(our_malloc_type_free, malloc_type_free),
};
