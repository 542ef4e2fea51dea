/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* zcmalloc_override.h - makes the code below it use zcmalloc, by renaming: malloc becomes
 * zc_malloc.
 *
 * For programs that cannot replace malloc for the whole process, or want it for some files only.
 * Link with the prefixed library and include this after every other header, for the names are
 * renamed wherever they appear from here on, members of structs and classes included.
 *
 * What it reaches     calls and addresses of the functions named below, in this file, in C and
 *                     C++.
 * What it does not    blocks that libc allocates itself: getline, asprintf, realpath(path,
 *                     NULL), scandir, open_memstream, ... Those are libc's and must be freed
 *                     with zc_libc_free. Nor does it reach other files, other libraries,
 *                     operator new (see zcmalloc.hpp), or std::malloc, which no longer compiles:
 *                     write malloc.
 * Mixing              a block from libc given to free here ends the program with a message that
 *                     says so; a block from here given to libc's free is undefined, as with any
 *                     two allocators.
 *
 * strdup and strndup are served here, since most programs free their results. */
#ifndef ZCMALLOC_OVERRIDE_H
#define ZCMALLOC_OVERRIDE_H

#include "zcmalloc.h"

/* Whatever declares the real names must come first, or it would declare the new ones again. */
#include <stdlib.h>
#include <string.h>
#ifdef __has_include
#if __has_include(<malloc.h>)
#include <malloc.h>
#endif
#endif
#ifdef __cplusplus
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#endif

#if defined(__GNUC__) || defined(__clang__)
#define ZC_OVERRIDE_UNUSED __attribute__((unused))
#else
#define ZC_OVERRIDE_UNUSED
#endif

/* The free of libc: for what libc allocated on its own. */
static inline ZC_OVERRIDE_UNUSED void zc_libc_free(void *block)
{
    free(block);
}

static inline ZC_OVERRIDE_UNUSED char *zc_override_strndup(const char *text, size_t limit)
{
    size_t length = 0;
    while (length < limit && text[length] != '\0')
        length++;
    char *copy = (char *)zc_malloc(length + 1);
    if (copy != NULL) {
        memcpy(copy, text, length);
        copy[length] = '\0';
    }
    return copy;
}

static inline ZC_OVERRIDE_UNUSED char *zc_override_strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = (char *)zc_malloc(size);
    return copy == NULL ? NULL : (char *)memcpy(copy, text, size);
}

#undef malloc
#undef free
#undef calloc
#undef realloc
#undef reallocarray
#undef aligned_alloc
#undef memalign
#undef posix_memalign
#undef valloc
#undef pvalloc
#undef cfree
#undef free_sized
#undef free_aligned_sized
#undef malloc_usable_size
#undef strdup
#undef strndup

#define malloc             zc_malloc
#define free               zc_free
#define calloc             zc_calloc
#define realloc            zc_realloc
#define reallocarray       zc_reallocarray
#define aligned_alloc      zc_aligned_alloc
#define memalign           zc_memalign
#define posix_memalign     zc_posix_memalign
#define valloc             zc_valloc
#define pvalloc            zc_pvalloc
#define cfree              zc_free
#define free_sized         zc_free_sized
#define free_aligned_sized zc_free_aligned_sized
#define malloc_usable_size zc_malloc_usable_size
#define strdup             zc_override_strdup
#define strndup            zc_override_strndup

#endif
