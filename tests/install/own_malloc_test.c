/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* own_malloc_test.c - a program that has a malloc of its own, of the four functions that every allocator defines.
 * Rules shown here: they come before ours, and reallocarray, which is not among them, keeps to them as glibc's does. */
#include "tests/support/blocks.h"
#include "tests/support/check.h"
#include "zcmalloc.h"

#include <errno.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static alignas(16) char room[1 << 20];
static size_t used_bytes;

/* Sizes stand before the blocks; nothing is used again. */
void *malloc(size_t size)
{
    enum { HEADER_BYTES = 16 };

    size_t start = __atomic_fetch_add(&used_bytes, (size + 2 * HEADER_BYTES - 1) & ~(size_t)15,
                                      __ATOMIC_RELAXED);
    if (size > sizeof room || start > sizeof room - size - HEADER_BYTES)
        return NULL;
    memcpy(room + start, &size, sizeof size);
    return room + start + HEADER_BYTES;
}

void free(void *block)
{
    (void)block;
}

void *calloc(size_t count, size_t size)
{
    return malloc(count * size);
}

void *realloc(void *block, size_t size)
{
    size_t old_size = 0;
    if (block != NULL)
        memcpy(&old_size, (char *)block - 16, sizeof old_size);
    void *copy = malloc(size);
    if (copy != NULL && block != NULL)
        memcpy(copy, block, old_size < size ? old_size : size);
    return copy;
}

static int is_own(const void *block)
{
    return (uintptr_t)block - (uintptr_t)room < sizeof room;
}

static void test_reallocarray(void)
{
    int *numbers = reallocarray(NULL, 10, sizeof *numbers);
    if (!CHECK(is_own(numbers)))
        return;
    numbers[9] = 7;
    numbers = reallocarray(numbers, 1000, sizeof *numbers);
    CHECK(is_own(numbers) && numbers[9] == 7);
    errno = 0;
    CHECK(reallocarray(numbers, blocks_opaque(SIZE_MAX / 2), 3) == NULL && errno == ENOMEM);
    free(numbers);
}

static void test_both_in_use(void)
{
    void *block = zc_malloc(100);
    void *own = malloc(100);
    CHECK(zc_owns(block) && is_own(own) && !zc_owns(own));
    CHECK(is_own(strdup("libc asks the program")));
    zc_free(zc_reallocarray(block, 100, 100));
}

int main(void)
{
    RUN(test_reallocarray);
    RUN(test_both_in_use);
    return check_done();
}
