/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* vm_reuse.c - memory that was given back is taken into use again, by the call that makes the system count
 * it, before anyone has it, and no byte of it is trusted to be zero.
 * Run with both kinds of kernel: one that clears such memory and one that keeps its contents. */
#include "darwin/zone.h"
#include "os/os.h"
#include "stress/pattern.h"

/* In pages of 4 KiB, which divide the system's: what is purged inside a span ends at its pages. */
enum { UNIT_SHIFT = 12, UNITS = 1 << 20, HELD = 64 };

static struct os_calls calls;
static uint64_t base;
static unsigned char is_purged[UNITS];
static long purge_count, reuse_count, outside_count;

static void mark(void *start, size_t bytes, unsigned char purged)
{
    if (base == 0)
        base = ((uintptr_t)start - ((uint64_t)UNITS << (UNIT_SHIFT - 1))) & ~(uint64_t)0xffff;
    uint64_t first = ((uintptr_t)start - base) >> UNIT_SHIFT;
    for (uint64_t i = first; i < first + (bytes >> UNIT_SHIFT); i++) {
        outside_count += i >= UNITS;
        if (i >= UNITS)
            continue;
        is_purged[i] = purged;
    }
}

static int purge(void *start, size_t bytes)
{
    purge_count++;
    mark(start, bytes, 1);
    return zci_os_calls_native.purge(start, bytes);
}

static int reuse(void *start, size_t bytes)
{
    reuse_count++;
    mark(start, bytes, 0);
    return zci_os_calls_native.reuse(start, bytes);
}

static long purged_in(const void *block, size_t size)
{
    long count = 0;
    for (uint64_t i = ((uintptr_t)block - base) >> UNIT_SHIFT;
         i <= ((uintptr_t)block + size - base) >> UNIT_SHIFT; i++)
        count += base != 0 && i < UNITS && is_purged[i];
    return count;
}

static void no_block_lies_in_purged_memory(void)
{
    void *held[HELD] = {0};
    uint64_t state = 99;
    long used_purged = 0;
    for (int step = 0; step < 20000; step++) {
        size_t i = random_below(&state, HELD);
        zc_free(held[i]);
        size_t size = random_below(&state, 3) == 0 ? random_size(&state, 16)
                                                   : 65537 + random_below(&state, 2000000);
        bool clears = random_below(&state, 2) == 0;
        held[i] = clears ? zc_calloc(1, size) : zc_malloc(size);
        used_purged += purged_in(held[i], size - 1);
        if (clears)
            CHECK(pattern_is_zero(held[i], size));
        memset(held[i], 0xee, size);
        if (random_below(&state, 100) == 0)
            zc_trim(random_below(&state, 2) * 1000000);
        if (random_below(&state, 50) == 0) {
            size += 500000;
            held[i] = zc_realloc(held[i], size);
            used_purged += purged_in(held[i], size - 1);
        }
    }
    CHECK_EQ(used_purged, 0);
    CHECK_EQ(outside_count, 0);
    CHECK(purge_count > 50 && reuse_count > 50);
}

int main(void)
{
    calls = zci_os_calls_native;
    calls.purge = purge;
    calls.reuse = reuse;
    zci_os_calls = &calls;
    RUN(no_block_lies_in_purged_memory);
    return check_done();
}
