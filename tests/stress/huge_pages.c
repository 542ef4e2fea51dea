/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* huge_pages.c [none] - with ZCMALLOC_HUGE_PAGES=1 a heap of small blocks grows by huge pages, if they are cheap; but
 * only where it grows just now may the kernel make further ones: it would fill what the collector gives back.
 * none: without it the kernel is asked for nothing. */
#include "stress/names.h"
#include "stress/process.h"
#include "support/check.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum {
    BLOCKS = 400000,
    BLOCK_BYTES = 1000,
    ASKED_KIB_MAX = 4096,
    REFUSED_KIB_LEAST = 2048,
    LIVE_EVERY = 50
};

static void *blocks[BLOCKS];

/* KiB of this process, from the kernel's list of mappings: what is made of huge pages, where they may be made, and
 * where they may not. */
struct kinds {
    long huge_kib;
    long asked_kib;
    long refused_kib;
};

static bool read_kinds(struct kinds *kinds)
{
    static char line[4096];
    long size_kib = 0;
    long number;
    FILE *file = fopen("/proc/self/smaps", "r");
    *kinds = (struct kinds){0};
    if (file == NULL)
        return false;
    while (fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "Size: %ld", &number) == 1)
            size_kib = number;
        else if (sscanf(line, "AnonHugePages: %ld", &number) == 1)
            kinds->huge_kib += number;
        else if (strncmp(line, "VmFlags:", 8) == 0 && strstr(line, " hg") != NULL)
            kinds->asked_kib += size_kib;
        else if (strncmp(line, "VmFlags:", 8) == 0 && strstr(line, " nh") != NULL)
            kinds->refused_kib += size_kib;
    }
    fclose(file);
    return true;
}

int main(int argc, char **argv)
{
    bool wants_none = argc > 1 && strcmp(argv[1], "none") == 0;
    struct kinds kinds;
    for (size_t i = 0; i < BLOCKS; i++) {
        blocks[i] = t_malloc(BLOCK_BYTES);
        if (!CHECK(blocks[i] != NULL))
            return check_done();
        memset(blocks[i], (int)i, BLOCK_BYTES);
    }
    bool is_read = read_kinds(&kinds);
    if (wants_none) {
        if (!is_read)
            check_skip("no /proc");
        CHECK_EQ(kinds.asked_kib + kinds.refused_kib, 0);
        return check_done();
    }
    if (!is_read || kinds.asked_kib + kinds.refused_kib == 0) {
        check_skip("the kernel has no huge pages, or no /proc");
        return check_done();
    }
    CHECK(kinds.asked_kib <= ASKED_KIB_MAX);
    /* Where they are dearer than small pages, one is tried now and then. */
    CHECK(kinds.refused_kib >= REFUSED_KIB_LEAST);
    print_figure("past those that are used up, KiB: ", kinds.refused_kib);
    if (kinds.huge_kib == 0)
        check_skip("the kernel gave no huge page");
    for (size_t i = 0; i < BLOCKS; i++)
        if (i % LIVE_EVERY != 0)
            t_free(blocks[i]);
    t_trim(0);
    size_t wrong = 0;
    for (size_t i = 0; i < BLOCKS; i += LIVE_EVERY)
        for (size_t at = 0; at < BLOCK_BYTES; at++)
            wrong += ((unsigned char *)blocks[i])[at] != (unsigned char)i;
    CHECK_EQ(wrong, 0);
    return check_done();
}
