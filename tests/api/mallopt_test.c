/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* mallopt_test.c - mallopt: every parameter of glibc is accepted (value 1), none does harm.
 * Programs stop when M_ARENA_MAX or M_MMAP_THRESHOLD is refused, although both are only hints. */
#include "tests/support/blocks.h"
#include "tests/support/check.h"
#include "tests/support/ours.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

static void test_all_accepted(void)
{
    static const int parameters[][2] = {
        {M_MXFAST, 0},
        {M_MXFAST, 64},
        {M_NLBLKS, 100},
        {M_GRAIN, 16},
        {M_KEEP, 1},
        {M_TRIM_THRESHOLD, 131072},
        {M_TRIM_THRESHOLD, -1},
        {M_TOP_PAD, 0},
        {M_TOP_PAD, 1048576},
        {M_MMAP_THRESHOLD, 0},
        {M_MMAP_THRESHOLD, 65536},
        {M_MMAP_MAX, 0},
        {M_MMAP_MAX, 65536},
        {M_CHECK_ACTION, 3},
        {M_PERTURB, 0},
        {M_ARENA_TEST, 1},
        {M_ARENA_MAX, 1},
        {M_ARENA_MAX, 8},
    };
    for (size_t i = 0; i < sizeof parameters / sizeof parameters[0]; i++) {
        if (CHECK_EQ(mallopt(parameters[i][0], parameters[i][1]), 1))
            continue;
        check_write("    parameter ");
        check_write_number(parameters[i][0]);
        check_write(" value ");
        check_write_number(parameters[i][1]);
        check_write("\n");
    }
}

static void test_still_working(void)
{
    for (size_t size = 0; size <= 40 * BLOCKS_MIB; size = size * 3 + 1) {
        unsigned char *block = malloc(size);
        CHECK(block != NULL && malloc_usable_size(block) >= size);
        blocks_fill(block, size, 1);
        free(block);
    }
}

int main(void)
{
    ours_prove();
    RUN(test_all_accepted);
    RUN(test_still_working);
    return check_done();
}
