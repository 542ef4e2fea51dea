/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* zone_statistics.c - statistics and enumerator against a shadow model that knows every block: after each
 * of many random steps the counts agree, through each kind of reader. */
#include "darwin/zone.h"
#include "stress/pattern.h"
#include "support/fake_os.h"

#include <sys/mman.h>

enum { BLOCKS = 600, STEPS = 6000, RANGES_MAX = 200000, CHECKS = TESTS_EMULATED ? 200 : 5000 };

static void *blocks[BLOCKS];
static size_t model_count, model_bytes;
static struct zone *zone;
static struct zone_statistics base;

/* --- readers --------------------------------------------------------------------------------------------- */

static char *windows[2];
static size_t window_bytes, window_used_bytes[2];
static bool is_guarded;
static unsigned reads, fail_at, nothing_at;

/* At an odd address, good until the next call, which overwrites it or, if guarded, makes it unreadable: that
 * costs far more than the read. */
static zone_result strict_reader(zone_task task, uintptr_t address, size_t bytes, void **local)
{
    (void)task;
    if (++reads == fail_at)
        return KERN_INVALID_ADDRESS;
    if (reads == nothing_at) {
        *local = NULL;
        return KERN_SUCCESS;
    }
    window_bytes = 4 * (size_t)vm_page_size + 65536;
    for (int i = 0; i < 2; i++)
        if (windows[i] == NULL)
            windows[i] =
                mmap(NULL, window_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);
    if (bytes + 1 > window_bytes)
        return KERN_NO_SPACE;
    if (is_guarded)
        mprotect(windows[(reads + 1) % 2], window_bytes, PROT_NONE);
    else
        memset(windows[(reads + 1) % 2] + 1, 0xa5, window_used_bytes[(reads + 1) % 2]);
    if (is_guarded)
        mprotect(windows[reads % 2], window_bytes, PROT_READ | PROT_WRITE);
    window_used_bytes[reads % 2] = bytes;
    memcpy(windows[reads % 2] + 1, (const void *)address, bytes);
    *local = windows[reads % 2] + 1;
    return KERN_SUCCESS;
}

static void guard(bool wanted)
{
    if (is_guarded && !wanted)
        for (int i = 0; i < 2; i++)
            mprotect(windows[i], window_bytes, PROT_READ | PROT_WRITE);
    is_guarded = wanted;
}

static struct zone_range found[RANGES_MAX];
static size_t found_count, region_count, meta_count;

static void recorder(zone_task task, void *context, unsigned type, struct zone_range *ranges,
                     unsigned count)
{
    (void)task;
    CHECK(context == &found_count && count <= 256);
    for (unsigned i = 0; i < count; i++) {
        if (type == 1)
            found[found_count++] = ranges[i];
        region_count += type == 2;
        meta_count += type == 4;
    }
}

static zone_result enumerate(zone_reader *reader, unsigned mask)
{
    found_count = region_count = meta_count = 0;
    reads = 0;
    return zone->introspect->enumerator(mach_task_self(), &found_count, mask, (uintptr_t)zone,
                                        reader, recorder);
}

static size_t times_found(const void *block)
{
    size_t times = 0;
    for (size_t i = 0; i < found_count; i++)
        if (found[i].address == (uintptr_t)block) {
            times++;
            CHECK_EQ(found[i].bytes, zone->size(zone, block));
        }
    return times;
}

/* --- the model ------------------------------------------------------------------------------------------- */

static void step(uint64_t *state)
{
    void **slot = &blocks[random_below(state, BLOCKS)];
    size_t size = random_size(state, random_below(state, 50) == 0 ? 26 : 17);
    if (*slot != NULL) {
        model_count--;
        model_bytes -= zone->size(zone, *slot);
        if (random_below(state, 3) == 0) {
            *slot = zone->realloc(zone, *slot, size);
            model_count++;
            model_bytes += zone->size(zone, *slot);
            return;
        }
        zone->free(zone, *slot);
        *slot = NULL;
        return;
    }
    *slot = random_below(state, 2) == 0 ? zone->malloc(zone, size) : zone->calloc(zone, 1, size);
    model_count++;
    model_bytes += zone->size(zone, *slot);
}

static void compare(const struct zone_statistics *now)
{
    CHECK_EQ(now->blocks_in_use - base.blocks_in_use, model_count);
    CHECK_EQ(now->size_in_use - base.size_in_use, model_bytes);
    CHECK(now->max_size_in_use >= now->size_in_use && now->size_allocated >= now->size_in_use);
}

static void statistics_equal_the_model(void)
{
    uint64_t state = 12345;
    for (int i = 0; i < STEPS; i++) {
        step(&state);
        if (i % 7 != 0)
            continue;
        struct zone_statistics now;
        malloc_zone_statistics(zone, &now);
        compare(&now);
        zone->introspect->task_statistics(mach_task_self(), (uintptr_t)zone, NULL, &now);
        compare(&now);
        guard(i % 20 == 0);
        zone->introspect->task_statistics(mach_task_self(), (uintptr_t)zone, strict_reader, &now);
        compare(&now);
    }
}

static void one_block_is_one_more(void)
{
    static const size_t sizes[] = {1, 100, 5000, 65536, 65537, 3000000, 50000000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct zone_statistics before;
        struct zone_statistics after;
        malloc_zone_statistics(zone, &before);
        void *block = malloc_zone_malloc(zone, sizes[i]);
        malloc_zone_statistics(zone, &after);
        CHECK_EQ(after.blocks_in_use, before.blocks_in_use + 1);
        CHECK_EQ(after.size_in_use, before.size_in_use + malloc_size(block));
        free(block);
        malloc_zone_statistics(zone, &after);
        CHECK_EQ(after.blocks_in_use, before.blocks_in_use);
    }
}

/* A bound, for tools that read it: nobody counts what is in use at each malloc. */
static void the_most_is_remembered(void)
{
    struct zone_statistics now;
    void *block = malloc_zone_malloc(zone, (size_t)10 << 20);
    memset(block, 1, (size_t)10 << 20);
    free(block);
    zc_trim(0);
    malloc_zone_statistics(zone, &now);
    CHECK(now.max_size_in_use >= (size_t)10 << 20 && now.size_in_use < (size_t)10 << 20);
    zone->introspect->task_statistics(mach_task_self(), (uintptr_t)zone, strict_reader, &now);
    CHECK(now.max_size_in_use >= (size_t)10 << 20);
    /* Of another process nobody knows. */
    zone->introspect->task_statistics(mach_task_self() + 1, (uintptr_t)zone, strict_reader, &now);
    CHECK_EQ(now.max_size_in_use, now.size_in_use);
}

static void enumerator_finds_each_block_once(void)
{
    zone_reader *const readers[] = {NULL, strict_reader};
    for (int r = 0; r < 2; r++) {
        CHECK_EQ(enumerate(readers[r], 1), KERN_SUCCESS);
        CHECK_EQ(found_count, model_count + base.blocks_in_use);
        CHECK(region_count == 0 && meta_count == 0);
        for (size_t i = 0; i < BLOCKS; i++)
            if (blocks[i] != NULL)
                CHECK_EQ(times_found(blocks[i]), 1);
        CHECK_EQ(enumerate(readers[r], 6), KERN_SUCCESS);
        CHECK(found_count == 0 && region_count > 0 && meta_count > 0);
    }
}

static void failed_reads_are_errors(void)
{
    CHECK_EQ(enumerate(strict_reader, 7), KERN_SUCCESS);
    unsigned all = reads;
    for (fail_at = 1; fail_at <= all; fail_at += 1 + fail_at / 20)
        CHECK_EQ(enumerate(strict_reader, 7), KERN_INVALID_ADDRESS);
    fail_at = 0;
    for (nothing_at = 1; nothing_at <= all; nothing_at += 1 + nothing_at / 20)
        CHECK_EQ(enumerate(strict_reader, 7), KERN_INVALID_ADDRESS);
    nothing_at = 0;
    struct zone_pages other;
    memset(&other, 0, sizeof other);
    other.zone = *zone;
    CHECK(zone->introspect->enumerator(mach_task_self(), NULL, 1, (uintptr_t)&other, strict_reader,
                                       recorder) != KERN_SUCCESS);
}

static int is_stopping;

/* A private heap and a pool with the same number, in turn: their spans differ in what a class is. */
static void *make_and_end(void *unused)
{
    void *live[200];
    while (!__atomic_load_n(&is_stopping, __ATOMIC_ACQUIRE)) {
        struct zc_heap *heap = zc_heap_new();
        for (int i = 0; i < 200; i++)
            live[i] = zc_heap_malloc(heap, 30000);
        zc_heap_destroy(heap);
        struct zc_pool *pool = zc_pool_new(4321, 0);
        for (int i = 0; i < 200; i++)
            live[i] = zc_pool_malloc(pool);
        zc_pool_destroy(pool);
    }
    return live[0] != NULL ? unused : NULL;
}

/* What threads change while it is looked at is no damage. */
static void heaps_in_use_are_sound(void)
{
    pthread_t thread;
    unsigned empty = 0;
    CHECK_EQ(pthread_create(&thread, NULL, make_and_end, NULL), 0);
    for (int i = 0; i < CHECKS; i++) {
        struct zone_statistics now;
        CHECK(malloc_zone_check(zone));
        malloc_zone_statistics(zone, &now);
        empty += now.blocks_in_use == 0;
    }
    CHECK_EQ(empty, 0);
    __atomic_store_n(&is_stopping, 1, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
}

/* The walk needs some; that there is none says nothing about the heap. */
static void without_memory_nothing_is_damaged(void)
{
    fake_os.call_count = 0;
    fake_os.fail_count = -1;
    fake_os.fail_at = 1;
    int is_sound = malloc_zone_check(zone);
    zone_result result = enumerate(NULL, 1);
    fake_os.fail_at = 0;
    CHECK(is_sound && result == KERN_RESOURCE_SHORTAGE);
}

int main(void)
{
    fake_os_install();
    zone = (struct zone *)zc_zone_create();
    malloc_zone_statistics(zone, &base);
    RUN(the_most_is_remembered);
    RUN(one_block_is_one_more);
    RUN(statistics_equal_the_model);
    guard(true);
    RUN(enumerator_finds_each_block_once);
    guard(false);
    RUN(failed_reads_are_errors);
    RUN(heaps_in_use_are_sound);
    RUN(without_memory_nothing_is_damaged);
    return check_done();
}
