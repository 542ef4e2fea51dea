/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* death.h - what the death programs share. Each makes one mistake and returns death_survived().
 *
 * Called with an argument ("at-call") a program ends right after the faulty call, so that only that
 * call can have noticed. Without one, what this thread has freed is sent to the spans first: the
 * last point at which every double free and interior pointer is found. */
#ifndef TESTS_DEATH_DEATH_H
#define TESTS_DEATH_DEATH_H

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

/* The same pointer; the compiler no longer knows where it came from and cannot warn or optimise. */
static inline void *death_hide(const void *pointer)
{
    uintptr_t value = (uintptr_t)pointer;
    __asm__ volatile("" : "+r"(value));
    return (void *)value;
}

static inline int death_survived(int argc)
{
    if (argc > 1)
        _exit(0);
    malloc_trim(0);
    return 0;
}

#endif
