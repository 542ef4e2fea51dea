/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* dlopen_guest.c - a library that is linked with zcmalloc, loaded into a program that is not.
 * Its zc_ calls always reach zcmalloc. Where its plain malloc goes depends on how it is loaded:
 * without RTLD_DEEPBIND the program's libc comes first. */
#include "dlopen_guest.h"

#include "zcmalloc.h"

#include <stdlib.h>

void *guest_zc_malloc(size_t size)
{
    return zc_malloc(size);
}

void guest_zc_free(void *block)
{
    zc_free(block);
}

void *guest_malloc(size_t size)
{
    return malloc(size);
}

void guest_free(void *block)
{
    free(block);
}

int guest_owns(const void *block)
{
    return zc_owns(block);
}

size_t guest_trim(void)
{
    return zc_trim(0);
}
