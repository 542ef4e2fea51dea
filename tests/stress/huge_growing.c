/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* huge_growing.c - with huge pages everywhere (ZCMALLOC_HUGE_PAGES=2 makes the kernel do what it does by itself where
 * it is set to `always`) blocks that grow share them, though each has room of its own; and what they made resident
 * goes back. */
#include "stress/names.h"
#include "stress/process.h"
#include "support/check.h"

#include <malloc.h>
#include <stdio.h>
#include <string.h>

enum { BLOCKS = 32, BLOCK_BYTES = 200 << 10, GROWN_KIB_MOST = 34 << 10, KEPT_KIB_MOST = 8 << 10 };

/* By the kernel's count of mapped pages, which is exact at any time; -1: no /proc. */
static long resident_kib(void)
{
    static char line[4096];
    long number;
    long sum = -1;
    FILE *file = fopen("/proc/self/smaps_rollup", "r");
    if (file == NULL)
        return -1;
    while (fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "Rss: %ld", &number) == 1)
            sum = number;
    fclose(file);
    return sum;
}

int main(void)
{
    char *blocks[BLOCKS] = {NULL};
    long before_kib = resident_kib();
    if (before_kib < 0) {
        check_skip("no /proc/self/smaps_rollup");
        return check_done();
    }
    for (size_t bytes = 64; bytes < 2 * BLOCK_BYTES; bytes *= 2)
        for (size_t i = 0; i < BLOCKS; i++) {
            size_t size = bytes < BLOCK_BYTES ? bytes : BLOCK_BYTES;
            blocks[i] = t_realloc(blocks[i], size);
            if (!CHECK(blocks[i] != NULL))
                return check_done();
            memset(blocks[i] + size / 2, (int)i, size - size / 2);
        }
    long grown_kib = resident_kib() - before_kib;
    size_t wrong = 0;
    for (size_t i = 0; i < BLOCKS; i++) {
        wrong += blocks[i][BLOCK_BYTES - 1] != (char)i;
        t_free(blocks[i]);
    }
    t_trim(0);
    long kept_kib = resident_kib() - before_kib;
    printf("grown by %ld KiB, kept %ld KiB\n", grown_kib, kept_kib);
    CHECK_EQ(wrong, 0);
    CHECK(grown_kib <= GROWN_KIB_MOST);
    CHECK(kept_kib <= KEPT_KIB_MOST);
    return check_done();
}
