/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* os_limits_test.c - machines that this one is not: 39-bit addresses, 16 and 64 KiB pages, little address
 * space, no room for more mappings, a kernel that cannot move pages. Each in a process of its own. */
#include "central/arena.h"
#include "central/page_heap.h"
#include "support/fake_os_child.h"
#include "support/process_size.h"
#include "workload.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static void low_addresses(void)
{
    fake_os.address_limit = UINT64_C(1) << 39;
    CHECK_EQ(workload_run(), 0);
    void *block = zc_malloc(100);
    CHECK((uintptr_t)block < fake_os.address_limit);
    zc_free(block);
}

static void pages_of_16_kib(void)
{
    zci_os_set_page_bytes(16384);
    CHECK_EQ(workload_run(), 0);
    CHECK_EQ((uintptr_t)zc_valloc(1) % 16384, 0);
    CHECK(zc_malloc_usable_size(zc_pvalloc(1)) >= 16384);
}

static void pages_of_64_kib(void)
{
    zci_os_set_page_bytes(65536);
    CHECK_EQ(workload_run(), 0);
    CHECK_EQ((uintptr_t)zc_valloc(1) % 65536, 0);
}

/* Too little for the flat class map and for a full arena. */
static void little_address_space(void)
{
    fake_os.bytes_limit = UINT64_C(24) << 20;
    CHECK(workload_run() > 0);
    fake_os.bytes_limit = 0;
    CHECK_EQ(workload_run(), 0);
}

static void hardly_any_address_space(void)
{
    fake_os.bytes_limit = UINT64_C(4) << 20;
    unsigned char *small = zc_malloc(100);
    CHECK(small != NULL);
    errno = 0;
    CHECK(zc_malloc(16 << 20) == NULL);
    CHECK_EQ(errno, ENOMEM);
    zc_free(small);
}

/* What was refused was never held. */
static void peak_is_what_was_held(void)
{
    static struct zc_stats stats;
    fake_os.bytes_limit = UINT64_C(256) << 20;
    zc_free(zc_malloc(1 << 20));
    CHECK(zc_malloc((size_t)1 << 30) == NULL);
    CHECK_EQ(zc_stats_get(&stats, sizeof stats), 0);
    CHECK(stats.mapped_peak_bytes >= 1 << 20 && stats.mapped_peak_bytes < (uint64_t)1 << 30);
    void *block = zc_realloc(NULL, 60 << 20);
    CHECK_EQ(zc_stats_get(&stats, sizeof stats), 0);
    CHECK(block == NULL || stats.mapped_peak_bytes >= 60 << 20);
}

static void no_room_for_mappings(void)
{
    fake_os.fail_release = 1;
    CHECK_EQ(workload_run(), 0);
    CHECK_EQ(workload_run(), 0);
}

/* A mapping that would have to be cut out of its neighbours. */
static void what_cannot_be_unmapped_is_not_resident(void)
{
    size_t bytes = (size_t)300 << 20, used_bytes = (size_t)64 << 20;
    fake_os.fail_release = 1;
    size_t before = process_resident_bytes();
    void *block = zc_malloc(bytes);
    if (!CHECK(block != NULL))
        return;
    memset(block, 1, used_bytes);
    zc_free(block);
    CHECK(process_stayed_below(before, used_bytes / 2));
}

/* Each move may leave two mappings more, for good. */
static void many_mappings_are_not_made_more(void)
{
    enum { MAPPINGS = 17000, MOVES = 1024 };

    size_t page = zci_os_page_bytes();
    char *many = zci_os_reserve(MAPPINGS * page, page);
    char *pair = zci_os_reserve(2 * page, page);
    CHECK(many != NULL && pair != NULL && zci_os_commit(pair, 2 * page));
    size_t movable_bytes = zci_os_move_pages(pair, pair + page, page);
    for (size_t i = 0; i < MAPPINGS; i += 2)
        if (!zci_os_commit(many + i * page, page)) {
            check_skip("fewer mappings are possible here");
            return;
        }
    for (int i = 0; i < MOVES; i++)
        (void)zci_os_move_pages(pair, pair + page, page);
    CHECK_EQ(zci_os_move_pages(pair, pair + page, page), 0);
    zci_os_release(many, MAPPINGS * page);
    for (int i = 0; i < MOVES; i++)
        (void)zci_os_move_pages(pair, pair + page, page);
    CHECK_EQ(zci_os_move_pages(pair, pair + page, page), movable_bytes);
}

/* The kernel takes the place away before it says no. What is limited is less than the process has already. */
static void nothing_moves_beyond_a_limit(int resource)
{
    size_t page = zci_os_page_bytes();
    char *place = zci_os_reserve(4 * page, page);
    if (!CHECK(place != NULL && zci_os_commit(place, 4 * page)))
        return;
    if (zci_os_move_pages(place, place + page, page) == 0) {
        check_skip("pages do not move here");
        return;
    }
    struct rlimit limit = {page, page};
    CHECK_EQ(setrlimit(resource, &limit), 0);
    CHECK_EQ(zci_os_move_pages(place, place + page, page), 0);
    CHECK(!zci_os_move_mapping(place, place + 2 * page, page, 2 * page));
    for (size_t i = 0; i < 4; i++)
        *(volatile char *)(place + i * page) = 1;
}

static void nothing_moves_beyond_a_limit_of_addresses(void)
{
    nothing_moves_beyond_a_limit(RLIMIT_AS);
}

static void nothing_moves_beyond_a_limit_of_data(void)
{
    nothing_moves_beyond_a_limit(RLIMIT_DATA);
}

#define LOCK_BLOCKS 4000

static char *lock_blocks[LOCK_BLOCKS];

static void fill_lock_blocks(void)
{
    for (int i = 0; i < LOCK_BLOCKS; i++) {
        lock_blocks[i] = zc_malloc(2000);
        if (CHECK(lock_blocks[i] != NULL))
            memset(lock_blocks[i], 1, 2000);
    }
}

static size_t free_lock_blocks(void)
{
    for (int i = 0; i < LOCK_BLOCKS; i++)
        zc_free(lock_blocks[i]);
    return zc_trim(0);
}

/* As a key that is cleared and freed, but not unlocked. */
static void a_locked_page_does_not_keep_the_others(void)
{
    fill_lock_blocks();
    if (mlock(lock_blocks[LOCK_BLOCKS / 2], 32) != 0) {
        check_skip("nothing can be locked here");
        return;
    }
    CHECK(free_lock_blocks() > LOCK_BLOCKS * 2000 / 10 * 9);
}

/* By a program that must not wait for a page. */
static void a_locked_block_that_reads_zero_stays_locked(void)
{
    enum { BYTES = 1000000 };

    char *block = zc_malloc(BYTES);
    memset(block, 1, BYTES);
    if (mlockall(MCL_CURRENT) != 0) {
        check_skip("nothing can be locked here");
        return;
    }
    zc_free(block);
    CHECK(zc_calloc(1, BYTES) == block);
    for (size_t i = 0; i < BYTES; i++)
        if (block[i] != 0)
            CHECK_EQ(i, BYTES);
    CHECK(madvise(block, 4096, MADV_DONTNEED) != 0);
}

static void what_is_locked_as_a_whole_stays(void)
{
    if (mlockall(MCL_FUTURE) != 0) {
        check_skip("nothing can be locked here");
        return;
    }
    fill_lock_blocks();
    CHECK(free_lock_blocks() < LOCK_BLOCKS * 2000 / 10);
}

static size_t arena_count(void)
{
    size_t count = 0;
    for (const struct arena *arena = *zci_page_heap_arenas(); arena != NULL; arena = arena->next)
        count++;
    return count;
}

/* It would be there for good, with its descriptors, and be refused as well. */
static void no_arena_is_added_for_what_is_refused(void)
{
    size_t granules = ((size_t)200 << 20) / ZCI_GRANULE_BYTES;
    zc_free(zc_malloc(1));
    if (!process_limit_data((size_t)100 << 20)) {
        check_skip("there is no such limit here");
        return;
    }
    size_t before = arena_count();
    for (int i = 0; i < 10; i++)
        CHECK(zci_page_heap_alloc(granules, 1, 0) == NULL);
    CHECK(arena_count() <= before + 1);
    CHECK(zci_page_heap_alloc(granules / 4, 1, 0) != NULL);
}

static void pages_do_not_move(void)
{
    fake_os.fail_move = 1;
    CHECK_EQ(workload_run(), 0);
}

/* The sanitizers keep their shadow at low addresses, it becomes resident with what it stands for, and TSan cannot unmap
 * less than it thinks a page is. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MACHINE_CAN_BE_IMITATED 0
#else
#define MACHINE_CAN_BE_IMITATED 1
#endif

int main(void)
{
    if (MACHINE_CAN_BE_IMITATED) {
        CHECK_EQ(fake_os_in_child(low_addresses), 0);
        CHECK_EQ(fake_os_in_child(pages_of_16_kib), 0);
        CHECK_EQ(fake_os_in_child(pages_of_64_kib), 0);
        CHECK_EQ(fake_os_in_child(what_cannot_be_unmapped_is_not_resident), 0);
        CHECK_EQ(fake_os_in_child(nothing_moves_beyond_a_limit_of_addresses), 0);
        CHECK_EQ(fake_os_in_child(nothing_moves_beyond_a_limit_of_data), 0);
        CHECK_EQ(fake_os_in_child(a_locked_block_that_reads_zero_stays_locked), 0);
        CHECK_EQ(fake_os_in_child(a_locked_page_does_not_keep_the_others), 0);
        CHECK_EQ(fake_os_in_child(what_is_locked_as_a_whole_stays), 0);
    }
    CHECK_EQ(fake_os_in_child(little_address_space), 0);
    CHECK_EQ(fake_os_in_child(hardly_any_address_space), 0);
    CHECK_EQ(fake_os_in_child(peak_is_what_was_held), 0);
    CHECK_EQ(fake_os_in_child(no_room_for_mappings), 0);
    CHECK_EQ(fake_os_in_child(many_mappings_are_not_made_more), 0);
    CHECK_EQ(fake_os_in_child(no_arena_is_added_for_what_is_refused), 0);
    CHECK_EQ(fake_os_in_child(pages_do_not_move), 0);
    return check_done();
}
