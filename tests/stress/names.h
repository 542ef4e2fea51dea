/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* names.h - one source, two flavours: t_malloc is malloc, or zc_malloc if STRESS_ZC_NAMES is set.
 *
 * The libc names run with the library preloaded or linked in its overriding form; the zc_ names run
 * with the prefixed library, which is what sanitizers can look at. */
#ifndef TESTS_STRESS_NAMES_H
#define TESTS_STRESS_NAMES_H

#ifdef STRESS_ZC_NAMES

#include "zcmalloc.h"

#define t_malloc         zc_malloc
#define t_calloc         zc_calloc
#define t_realloc        zc_realloc
#define t_free           zc_free
#define t_memalign       zc_memalign
#define t_aligned_alloc  zc_aligned_alloc
#define t_posix_memalign zc_posix_memalign
#define t_usable_size    zc_malloc_usable_size
#define t_trim           zc_trim

#else

#include <malloc.h>
#include <stdlib.h>

#define t_malloc         malloc
#define t_calloc         calloc
#define t_realloc        realloc
#define t_free           free
#define t_memalign       memalign
#define t_aligned_alloc  aligned_alloc
#define t_posix_memalign posix_memalign
#define t_usable_size    malloc_usable_size
#define t_trim           malloc_trim

#endif

#endif
