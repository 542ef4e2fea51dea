/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* zone_entries.c - each entry of the zone, called as libmalloc calls it and directly.
 * usage: zone_entries promoted | plain | demoted: where our zone stands meanwhile; demoted also looks at
 * the zone while it is out of use. */
#include "base/size_class.h"
#include "darwin/zone.h"

#include <limits.h>

static struct zone *zone;   /* ours */
static struct zone *theirs; /* a system zone */

static const size_t sizes[] = {
    0,     1,     15,    16,     17,      100,     1008,    1024,          4096,    16384,
    65535, 65536, 65537, 131072, 1 << 20, 5000000, 1 << 25, (1 << 25) + 1, 40000000};

#define SIZE_COUNT (sizeof sizes / sizeof sizes[0])

static void no_entry_is_missing(void)
{
    void *words[sizeof(struct zone) / sizeof(void *)];
    memcpy(words, zone, sizeof words);
    for (size_t i = 2; i < sizeof words / sizeof words[0]; i++)
        if (i != offsetof(struct zone, version) / sizeof(void *))
            CHECK(words[i] != NULL);
    CHECK_EQ(zone->version, 16);
    CHECK_EQ(zone->introspect->zone_type, 0);
    CHECK(zone->introspect->enumerator != NULL && zone->introspect->good_size != NULL);
    CHECK(zone->introspect->check != NULL && zone->introspect->print != NULL);
    CHECK(zone->introspect->log != NULL && zone->introspect->force_lock != NULL);
    CHECK(zone->introspect->force_unlock != NULL && zone->introspect->statistics != NULL);
    CHECK(zone->introspect->zone_locked != NULL && zone->introspect->reinit_lock != NULL);
    CHECK(zone->introspect->print_task != NULL && zone->introspect->task_statistics != NULL);
    CHECK_EQ((uintptr_t)zone % vm_page_size, 0);
}

static void size_is_exact(void)
{
    int on_stack = 0;
    for (size_t i = 0; i < SIZE_COUNT; i++) {
        char *block = zone->malloc(zone, sizes[i]);
        size_t size = zone->size(zone, block);
        CHECK(size >= sizes[i] && size > 0);
        CHECK_EQ((uintptr_t)block % 16, 0);
        CHECK_EQ(malloc_size(block), size);
        CHECK_EQ(size,
                 malloc_good_size(sizes[i]) * 0 + zone->introspect->good_size(zone, sizes[i]));
        CHECK_EQ(zone->size(zone, block + 1), 0);
        CHECK_EQ(zone->size(zone, block + size / 2), 0);
        CHECK_EQ(zone->size(zone, block + 16), size == 16 ? zone->size(zone, block + 16) : 0);
        CHECK_EQ(zone->size(zone, (char *)((uintptr_t)block | (uintptr_t)0xff << 56)), 0);
        if (size > 65536)
            CHECK_EQ(zone->size(zone, block + 65536), 0);
        zone->free(zone, block);
    }
    void *large = zone->malloc(zone, 300000);
    zone->free(zone, large);
    CHECK_EQ(zone->size(zone, large), 0);
    void *foreign = theirs->malloc(theirs, 100);
    CHECK_EQ(zone->size(zone, foreign), 0);
    theirs->free(theirs, foreign);
    CHECK_EQ(zone->size(zone, NULL), 0);
    CHECK_EQ(zone->size(zone, &on_stack), 0);
    CHECK_EQ(zone->size(zone, sizes), 0);
    CHECK_EQ(zone->size(zone, (void *)(uintptr_t)&zone_count), 0);
    CHECK_EQ(zone->size(zone, (void *)UINTPTR_MAX), 0);
    CHECK_EQ(zone->size(zone, zone), 0);
    uint64_t state = 88172645463325252U;
    size_t claimed = 0;
    for (int i = 0; i < 100000; i++) {
        state ^= state << 13, state ^= state >> 7, state ^= state << 17;
        claimed += zone->size(zone, (void *)state) != 0;
    }
    CHECK_EQ(claimed, 0);
}

static bool is_zero(const char *block, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (block[i] != 0)
            return false;
    return true;
}

static void calloc_clears_and_counts(void)
{
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < SIZE_COUNT; i++) {
            char *block = zone->calloc(zone, 1, sizes[i]);
            CHECK(block != NULL && is_zero(block, sizes[i]));
            memset(block, 0xcc, sizes[i]);
            zone->free(zone, block);
            if (round == 1)
                zc_trim(0);
        }
    }
    errno = 0;
    CHECK(zone->calloc(zone, SIZE_MAX / 2, 3) == NULL);
    CHECK_EQ(errno, ENOMEM);
    errno = 0;
    CHECK(zone->malloc_type_calloc(zone, SIZE_MAX, SIZE_MAX, 1) == NULL);
    CHECK_EQ(errno, ENOMEM);
    CHECK(calloc(LONG_MAX, 16) == NULL);
}

static void impossible_sizes_are_refused(void)
{
    static const size_t too_large[] = {SIZE_MAX, SIZE_MAX - 5, SIZE_MAX / 2 + 1};
    for (size_t i = 0; i < 3; i++) {
        errno = 0;
        CHECK(zone->malloc(zone, too_large[i]) == NULL && errno == ENOMEM);
        CHECK(zone->valloc(zone, too_large[i]) == NULL);
        CHECK(zone->memalign(zone, 4096, too_large[i]) == NULL);
        errno = 0;
        CHECK(zone->malloc_type_malloc(zone, too_large[i], 7) == NULL && errno == ENOMEM);
        CHECK(zone->introspect->good_size(zone, too_large[i]) >= too_large[i]);
        void *block = zone->malloc(zone, 100);
        memset(block, 0x11, 100);
        CHECK(zone->realloc(zone, block, too_large[i]) == NULL);
        CHECK(zone->size(zone, block) >= 100 && ((char *)block)[99] == 0x11);
        zone->free(zone, block);
    }
}

static void realloc_keeps_contents(void)
{
    for (size_t i = 0; i < SIZE_COUNT; i++) {
        for (size_t j = 0; j < SIZE_COUNT; j++) {
            char *block = zone->malloc(zone, sizes[i]);
            memset(block, (int)i + 1, sizes[i]);
            char *moved = zone->realloc(zone, block, sizes[j]);
            size_t kept = sizes[i] < sizes[j] ? sizes[i] : sizes[j];
            CHECK(moved != NULL && zone->size(zone, moved) >= sizes[j]);
            CHECK(kept == 0 || (moved[0] == (char)(i + 1) && moved[kept - 1] == (char)(i + 1) &&
                                moved[kept / 2] == (char)(i + 1)));
            zone->free(zone, moved);
        }
    }
    void *fresh = zone->realloc(zone, NULL, 50);
    CHECK(is_ours(fresh));
    zone->free(zone, fresh);
    void *block = zone->malloc_type_realloc(zone, zone->malloc(zone, 10), 100, 3);
    CHECK(zone->size(zone, block) >= 100);
    zone->free(zone, block);
}

static void alignment_is_kept(void)
{
    for (size_t alignment = 8; alignment <= (size_t)64 << 20; alignment *= 2) {
        static const size_t few[] = {0, 1, 100, 5000, 70000};
        for (size_t i = 0; i < sizeof few / sizeof few[0]; i++) {
            void *block = zone->memalign(zone, alignment, few[i]);
            CHECK(block != NULL && (uintptr_t)block % alignment == 0);
            CHECK(zone->size(zone, block) >= few[i]);
            zone->free(zone, block);
            block = zone->malloc_type_memalign(zone, alignment, few[i], 9);
            CHECK(block != NULL && (uintptr_t)block % alignment == 0);
            zone->free_definite_size(zone, block, zone->size(zone, block));
        }
    }
    CHECK(zone->memalign(zone, 24, 100) == NULL);
    void *page = zone->valloc(zone, 100);
    CHECK_EQ((uintptr_t)page % vm_page_size, 0);
    zone->free(zone, page);
}

static void options_are_followed(void)
{
    for (size_t alignment = 0; alignment <= 65536;
         alignment = alignment == 0 ? 16 : alignment * 4) {
        for (uint64_t options = 0; options < 2; options++) {
            char *block = zone->malloc_with_options(zone, alignment, 3000, options);
            CHECK(block != NULL && (alignment == 0 || (uintptr_t)block % alignment == 0));
            if (options & 1)
                CHECK(is_zero(block, 3000));
            memset(block, 0xdd, 3000);
            zone->free(zone, block);
            block = zone->malloc_type_malloc_with_options(zone, alignment, 3000, options, 5);
            CHECK(block != NULL && ((options & 1) == 0 || is_zero(block, 3000)));
            memset(block, 0xdd, 3000);
            zone->free(zone, block);
        }
    }
}

static void batches_come_and_go(void)
{
    void *blocks[300] = {0};
    CHECK_EQ(malloc_zone_batch_malloc(zone, 48, blocks, 300), 300);
    for (int i = 0; i < 300; i++)
        CHECK(is_ours(blocks[i]) && zone->size(zone, blocks[i]) == 48);
    blocks[7] = (zone->free(zone, blocks[7]), theirs->malloc(theirs, 20));
    blocks[8] = (zone->free(zone, blocks[8]), NULL);
    malloc_zone_batch_free(zone, blocks, 300);
    CHECK_EQ(zone->batch_malloc(zone, SIZE_MAX, blocks, 3), 0);
}

static void foreign_blocks_go_home(void)
{
    for (int way = 0; way < 6; way++) {
        for (size_t i = 0; i < 12; i++) {
            struct zone_statistics before;
            struct zone_statistics after;
            theirs->introspect->statistics(theirs, &before);
            char *block = theirs->malloc(theirs, sizes[i]);
            memset(block, 0x42, sizes[i]);
            switch (way) {
            case 0:
                zone->free(zone, block);
                break;
            case 1:
                zone->free_definite_size(zone, block, theirs->size(theirs, block));
                break;
            case 2:
                zone->try_free_default(zone, block);
                break;
            case 3:
                zone->batch_free(zone, (void **)&block, 1);
                break;
            case 4:
                zc_free(block);
                break;
            default:
                block = zone->realloc(zone, block, 3 * sizes[i] + 10);
                CHECK(!is_ours(block) && (sizes[i] == 0 || block[sizes[i] - 1] == 0x42));
                CHECK(zc_malloc_usable_size(block) >= 3 * sizes[i] + 10);
                zc_free(block);
            }
            theirs->introspect->statistics(theirs, &after);
            CHECK_EQ(after.blocks_in_use, before.blocks_in_use);
        }
    }
}

static void addresses_are_claimed(void)
{
    static char data;
    vm_address_t pages = 0;
    for (size_t i = 0; i < SIZE_COUNT; i++) {
        char *block = zone->malloc(zone, sizes[i]);
        CHECK(zone->claimed_address(zone, block));
        CHECK(malloc_claimed_address(block + sizes[i] / 2));
        if (sizes[i] != 0)
            CHECK(zone->claimed_address(zone, block + sizes[i] - 1));
        zone->free(zone, block);
    }
    CHECK(!zone->claimed_address(zone, NULL) && !zone->claimed_address(zone, &data));
    CHECK_EQ(vm_allocate(mach_task_self(), &pages, vm_page_size, VM_FLAGS_ANYWHERE), 0);
    CHECK(!zone->claimed_address(zone, (void *)pages));
    vm_deallocate(mach_task_self(), pages, vm_page_size);
}

static void the_rest_answers(void)
{
    zone->destroy(zone);
    CHECK(malloc_zone_check(NULL) && zone->introspect->check(zone));
    malloc_zone_log(NULL, NULL);
    zone->introspect->print(zone, 0);
    CHECK(!zone->introspect->zone_locked(zone));
    zone->introspect->force_lock(zone);
    CHECK(zone->introspect->zone_locked(zone));
    zone->introspect->force_unlock(zone);
    CHECK(!zone->introspect->zone_locked(zone));
    void *block = zone->malloc(zone, 2000000);
    memset(block, 1, 2000000);
    zone->free(zone, block);
    CHECK(malloc_zone_pressure_relief(zone, 0) >= 2000000);
    CHECK(zone->introspect->good_size(zone, 1) == 16);
    struct zc_process_memory memory;
    zc_process_memory_get(&memory);
    CHECK(memory.phys_footprint_bytes > 0);
    /* It makes the zone's pages read-only; everything goes on. */
    malloc_set_zone_name(zone, "renamed");
    CHECK(strcmp(malloc_get_zone_name(zone), "renamed") == 0);
    zone->free(zone, zone->malloc(zone, 10));
    zone->introspect->force_lock(zone);
    zone->introspect->force_unlock(zone);
}

/* Everything comes from the former default zone; what is ours stays ours until it is freed. */
static void uninstalled_zone_gives_others_blocks(void)
{
    void *ours[8];
    void *batch[3];
    for (int i = 0; i < 8; i++)
        memset(ours[i] = malloc(i % 2 == 0 ? 100 : 300000), 0x77, 100);
    CHECK_EQ(zc_zone_uninstall(), 0);
    CHECK(!zc_zone_is_default());
    errno = 0;
    CHECK(zc_zone_uninstall() == -1 && errno == ENOENT);
    void *const theirs_now[] = {malloc(10),
                                calloc(2, 5),
                                valloc(10),
                                realloc(NULL, 10),
                                strdup("x"),
                                zone->memalign(zone, 64, 10),
                                zone->malloc_with_options(zone, 0, 10, 1),
                                zone->malloc_with_options(zone, 256, 10, 1),
                                zone->malloc_type_malloc(zone, 10, 1),
                                zone->malloc_type_calloc(zone, 1, 10, 1),
                                zone->malloc_type_realloc(zone, NULL, 10, 1),
                                zone->malloc_type_memalign(zone, 64, 10, 1),
                                zone->malloc_type_malloc_with_options(zone, 64, 10, 0, 1)};
    for (size_t i = 0; i < sizeof theirs_now / sizeof theirs_now[0]; i++) {
        CHECK(theirs_now[i] != NULL && !is_ours(theirs_now[i]));
        free(theirs_now[i]);
    }
    CHECK_EQ(zone->batch_malloc(zone, 20, batch, 3), 3);
    CHECK(!is_ours(batch[2]));
    batch[1] = (free(batch[1]), ours[0]);
    zone->batch_free(zone, batch, 3);
    errno = 0;
    CHECK(calloc(SIZE_MAX, 2) == NULL && errno == ENOMEM);
    CHECK(malloc_size(ours[1]) >= 300000 && malloc_zone_from_ptr(ours[2]) != NULL);
    ours[1] = realloc(ours[1], 600000);
    ours[2] = realloc(ours[2], 200);
    CHECK(is_ours(ours[1]) && is_ours(ours[2]) && ((char *)ours[1])[99] == 0x77);
    for (int i = 1; i < 8; i++)
        free(ours[i]);
    CHECK(is_ours(zc_malloc(10)));
    CHECK_EQ(zc_zone_install(), 0);
    CHECK(zc_zone_is_default() && is_ours(malloc(10)));
}

static void stand(const char *where)
{
    if (strcmp(where, "plain") == 0) {
        CHECK(!zc_zone_is_default());
        zone = (struct zone *)zc_zone_create();
        CHECK(zone != NULL && zone == (struct zone *)zc_zone_create() && !zc_zone_is_default());
    } else {
        CHECK_EQ(zc_zone_install(), 0);
        zone = zone_at(0);
        CHECK(zc_zone_is_default());
        if (strcmp(where, "demoted") == 0)
            RUN(uninstalled_zone_gives_others_blocks);
    }
    for (unsigned i = 0; i < zone_count(); i++)
        if (zone_at(i) != zone)
            theirs = zone_at(i);
    CHECK(zone == &zci_zone.zone && theirs != NULL && zone_is_listed(zone));
    CHECK_EQ(is_ours(malloc(1)), zc_zone_is_default());
}

/* The program may write data there. */
static void standard_output_is_not_printed_to(void)
{
    static char text[65536];
    int pipes[3][2];
    int before[3];
    for (int fd = 1; fd <= 2; fd++) {
        CHECK_EQ(pipe(pipes[fd]), 0);
        before[fd] = dup(fd);
        dup2(pipes[fd][1], fd);
        close(pipes[fd][1]);
    }
    zone->introspect->print(zone, 1);
    for (int fd = 1; fd <= 2; fd++) {
        dup2(before[fd], fd);
        close(before[fd]);
    }
    CHECK_EQ(read(pipes[1][0], text, sizeof text), 0);
    CHECK(read(pipes[2][0], text, sizeof text) > 0);
    close(pipes[1][0]);
    close(pipes[2][0]);
}

/* They are ours, whichever way a pointer to them comes. Sizes stay exact from then on. */
static void private_heaps_are_known(void)
{
    struct zc_heap *heap = zc_heap_new();
    struct zc_pool *pool = zc_pool_new(4321, 0);
    for (size_t i = 0; i < SIZE_COUNT; i++) {
        char *blocks[2] = {zc_heap_malloc(heap, sizes[i]), zc_pool_malloc(pool)};
        for (int b = 0; b < 2; b++) {
            size_t size = zone->size(zone, blocks[b]);
            CHECK(size >= (b == 0 ? sizes[i] : 4321) && size > 0);
            CHECK_EQ(malloc_size(blocks[b]), size);
            CHECK_EQ(zone->size(zone, blocks[b] + 1), 0);
            /* Not the first of its span any more. */
            char *another = b == 0 ? zc_heap_malloc(heap, sizes[i]) : zc_pool_malloc(pool);
            CHECK_EQ(malloc_size(another), size);
            free(another);
            free(blocks[b]);
        }
    }
    zc_heap_destroy(heap);
    zc_pool_destroy(pool);
    size_is_exact();
}

int main(int argc, char **argv)
{
    stand(argc > 1 ? argv[1] : "promoted");
    RUN(no_entry_is_missing);
    RUN(size_is_exact);
    RUN(calloc_clears_and_counts);
    RUN(impossible_sizes_are_refused);
    RUN(realloc_keeps_contents);
    RUN(alignment_is_kept);
    RUN(options_are_followed);
    RUN(batches_come_and_go);
    RUN(foreign_blocks_go_home);
    RUN(addresses_are_claimed);
    RUN(the_rest_answers);
    RUN(standard_output_is_not_printed_to);
    RUN(private_heaps_are_known);
    return check_done();
}
