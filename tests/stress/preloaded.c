/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* preloaded.c - linked with each program that stress tests preload the library into: without it, it ends at its
 * start. */
#include "support/check.h"

#include <dlfcn.h>
#include <stdlib.h>

__attribute__((constructor)) static void check_preloaded(void)
{
    int (*owns)(const void *) = NULL;
    void *address = dlsym(RTLD_DEFAULT, "zc_owns");
    void *block = malloc(1);
    memcpy(&owns, &address, sizeof owns);
    int is_ours = owns != NULL && owns(block);
    free(block);
    if (!CHECK(is_ours))
        _exit(1);
}
