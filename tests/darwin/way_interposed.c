/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* way_interposed.c - a plain program that knows nothing of the library, into which the dylib is inserted.
 * The library is asked through dlsym only. */
#include "support/check.h"

#include <dlfcn.h>
#include <errno.h>
#include <malloc/malloc.h>
#include <stdlib.h>
#include <string.h>

static int (*owns)(const void *block);

static void names_are_ours(void)
{
    void *aligned = NULL;
    CHECK(owns(malloc(10)) && owns(calloc(2, 5)) && owns(realloc(NULL, 7)) && owns(valloc(9)));
    CHECK(owns(strdup("libc's own call")));
    CHECK(posix_memalign(&aligned, 256, 10) == 0 && owns(aligned) && (uintptr_t)aligned % 256 == 0);
    CHECK(owns(aligned_alloc(64, 128)));
    errno = 0;
    CHECK(aligned_alloc(64, 100) == NULL && errno == EINVAL);
    CHECK(owns(reallocf(malloc(5), 5000)));
    char *block = malloc(100);
    CHECK(malloc_size(block) >= 100 && malloc_good_size(100) == malloc_size(block));
    CHECK(malloc_size(block + 1) == 0 && malloc_size(names_are_ours) == 0);
    block = realloc(block, 0);
    CHECK(block != NULL && owns(block));
    free(block);
}

static void zones_are_the_systems(void)
{
    malloc_zone_t *zone = malloc_create_zone(0, 0);
    void *block = malloc_zone_malloc(zone, 100);
    CHECK(!owns(block) && malloc_size(block) >= 100);
    free(block);
    malloc_destroy_zone(zone);
    CHECK(owns(malloc_zone_malloc(malloc_default_zone(), 10)));
    CHECK(malloc_zone_check(NULL));
}

static int call(const char *name)
{
    int (*function)(void);
    void *symbol = dlsym(RTLD_DEFAULT, name);
    if (!CHECK(symbol != NULL))
        return -2;
    memcpy(&function, &symbol, sizeof function);
    return function();
}

/* The default zone is all that these two speak of. */
static void names_stay_ours_without_the_zone(void)
{
    CHECK_EQ(call("zc_zone_is_default"), 1);
    CHECK_EQ(call("zc_zone_uninstall"), 0);
    CHECK_EQ(call("zc_zone_is_default"), 0);
    void *by_zone = malloc_zone_malloc(malloc_default_zone(), 10);
    void *by_name = malloc(10);
    CHECK(!owns(by_zone) && owns(by_name));
    malloc_zone_free(malloc_default_zone(), by_name);
    free(by_zone);
    names_are_ours();
    CHECK_EQ(call("zc_zone_install"), 0);
    CHECK(owns(malloc_zone_malloc(malloc_default_zone(), 10)));
}

int main(void)
{
    const char *(*version)(void);
    void *symbol = dlsym(RTLD_DEFAULT, "zc_owns");
    if (!CHECK(symbol != NULL))
        return check_done();
    memcpy(&owns, &symbol, sizeof owns);
    symbol = dlsym(RTLD_DEFAULT, "zc_version");
    memcpy(&version, &symbol, sizeof version);
    CHECK(strcmp(version(), "0.1.0") == 0);
    RUN(names_are_ours);
    RUN(zones_are_the_systems);
    RUN(names_stay_ours_without_the_zone);
    return check_done();
}
