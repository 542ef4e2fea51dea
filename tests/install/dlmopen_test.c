/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* dlmopen_test.c - a program whose malloc is ours loads a library into a namespace of its own, which has a libc and so
 * a malloc of its own: dlmopen is as it is without us.
 * Usage: dlmopen_test LIBRARY */
#include "dlopen_guest.h"
#include "tests/support/check.h"
#include "zcmalloc.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

static void *library;

static void bind_name(const char *name, void *variable)
{
    void *address = dlsym(library, name);
    CHECK(address != NULL);
    memcpy(variable, &address, sizeof address);
}

int main(int argument_count, char **arguments)
{
#ifdef LM_ID_NEWLM
    __typeof__(&guest_malloc) malloc_at;
    __typeof__(&guest_free) free_at;
    void *own = malloc(1000);
    CHECK(argument_count == 2 && zc_owns(own));
    library = dlmopen(LM_ID_NEWLM, arguments[1], RTLD_NOW);
    if (!CHECK(library != NULL))
        return check_done();
    bind_name("guest_malloc", &malloc_at);
    bind_name("guest_free", &free_at);
    void *block = malloc_at(1000);
    CHECK(block != NULL && !zc_owns(block));
    free_at(block);
    free(own);
    return check_done();
#else
    (void)bind_name;
    (void)argument_count;
    (void)arguments;
    return 77;
#endif
}
