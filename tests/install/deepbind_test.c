/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* deepbind_test.c - a program whose malloc is ours loads a library with RTLD_DEEPBIND, as PHP does its extensions.
 * Rules shown here: blocks cross between the two both ways, and from libc; dlopen searches the RUNPATH of its caller,
 * and tells why it found nothing. */
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

static void test_blocks_cross(void)
{
    __typeof__(&guest_malloc) malloc_at;
    __typeof__(&guest_free) free_at;
    bind_name("guest_malloc", &malloc_at);
    bind_name("guest_free", &free_at);
    void *block = malloc_at(1000);
    if (!CHECK(zc_owns(block)))
        return;
    free(block);
    free_at(malloc(1000));
    free_at(strdup("from libc"));
}

static void test_missing_library(void)
{
    CHECK(dlopen("no_such_library.so", RTLD_NOW) == NULL);
    const char *why = dlerror();
    CHECK(why != NULL && strstr(why, "no_such_library.so") != NULL);
}

int main(void)
{
#ifdef RTLD_DEEPBIND
    library = dlopen("libinstall_deepbind_guest.so", RTLD_NOW | RTLD_DEEPBIND);
    if (CHECK(library != NULL))
        RUN(test_blocks_cross);
    RUN(test_missing_library);
    return check_done();
#else
    return 77;
#endif
}
