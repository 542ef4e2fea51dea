/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* way_rebound.c - an observer counts the calls of malloc and free of this image by changing the pointers it
 * calls them through. */
#include "darwin/zone.h"

static void *(*system_malloc)(size_t size);
static void (*system_free)(void *block);
static long malloc_count, free_count;

static void *counting_malloc(size_t size)
{
    malloc_count++;
    return system_malloc(size);
}

static void counting_free(void *block)
{
    free_count++;
    system_free(block);
}

int main(void)
{
    const struct zc_rebinding both[] = {
        {"malloc", (void *)(uintptr_t)counting_malloc, (void **)(void *)&system_malloc},
        {"free", (void *)(uintptr_t)counting_free, (void **)(void *)&system_free}};
    const struct zc_rebinding none = {"no_such_function", (void *)(uintptr_t)counting_free, NULL};
    const struct zc_rebinding wrong = {NULL, NULL, NULL};
    void *volatile block = malloc(10);
    errno = 0;
    CHECK(zc_rebind(&wrong, 1) == -1 && errno == EINVAL);
    CHECK_EQ(zc_rebind(&none, 1), 0);
    CHECK_EQ(malloc_count, 0);
    CHECK(zc_rebind(both, 2) >= 2);
    CHECK(system_malloc != NULL && system_free != NULL && system_malloc != counting_malloc);
    free(block);
    block = malloc(20);
    free(block);
    CHECK_EQ(malloc_count, 1);
    CHECK_EQ(free_count, 2);
    CHECK_EQ(zc_rebind(both, 2), 0);
    block = malloc(30);
    free(block);
    CHECK_EQ(malloc_count, 2);
    return check_done();
}
