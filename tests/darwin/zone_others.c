/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* zone_others.c - our zone among others: purgeable, nano's helper, created ones, a second copy of this
 * library; and zones that come, go and are destroyed, ours included. */
#include "darwin/zone.h"

enum { CREATED = 20, VANISHING = TESTS_EMULATED ? 300 : 10000 };

static struct zone *system_zone;
static void *early[3];

static void system_blocks_stay_valid(void)
{
    CHECK(!is_ours(early[0]) && malloc_size(early[0]) >= 100);
    CHECK(malloc_zone_from_ptr(early[0]) == system_zone);
    early[0] = realloc(early[0], 5000);
    CHECK(!is_ours(early[0]));
    CHECK(memcmp(early[0], "early", 6) == 0);
    free(early[0]);
    CHECK(malloc_zone_from_ptr(malloc(3)) == malloc_default_zone());
    CHECK(is_ours(strdup("from libc")));
}

/* A thread-local or CoreFoundation frees through the default zone, without looking whose it is. */
static void default_zone_takes_system_blocks(void)
{
    malloc_zone_free(malloc_default_zone(), early[1]);
    early[2] = malloc_zone_realloc(malloc_default_zone(), early[2], 100000);
    CHECK(!is_ours(early[2]) && malloc_size(early[2]) >= 100000);
    free(early[2]);
}

static void purgeable_zone_serves(void)
{
    struct zone *purgeable = malloc_default_purgeable_zone();
    void *block = malloc_zone_malloc(purgeable, 100000);
    CHECK(purgeable != NULL && block != NULL && !is_ours(block));
    CHECK(malloc_zone_from_ptr(block) == purgeable && zone_at(0) == &zci_zone.zone);
    free(block);
    block = malloc_zone_malloc(purgeable, 10);
    zc_free(block);
}

static void zones_come_and_go(void)
{
    struct zone *zones[CREATED];
    void *blocks[CREATED];
    for (int i = 0; i < CREATED; i++) {
        zones[i] = malloc_create_zone(0, 0);
        malloc_set_zone_name(zones[i], "some zone");
        blocks[i] = malloc_zone_malloc(zones[i], 100);
        CHECK(!is_ours(blocks[i]) && malloc_zone_from_ptr(blocks[i]) == zones[i]);
    }
    for (int i = 0; i < CREATED; i += 2) {
        zc_free(blocks[i]);
        malloc_destroy_zone(zones[i]);
        CHECK(zone_at(0) == &zci_zone.zone);
    }
    for (int i = 1; i < CREATED; i += 2) {
        CHECK(malloc_zone_from_ptr(blocks[i]) == zones[i]);
        CHECK_EQ(zc_zone_uninstall(), 0);
        CHECK_EQ(zc_zone_install(), 0);
        free(blocks[i]);
        malloc_destroy_zone(zones[i]);
    }
}

static void former_zone_may_vanish(void)
{
    void *ours = malloc(100);
    CHECK_EQ(zc_zone_uninstall(), 0);
    struct zone *created = malloc_create_zone(0, 0);
    /* created becomes the default zone by the well-known swap; nothing else runs here. */
    malloc_zone_unregister(created);
    malloc_zone_register(created);
    malloc_zone_unregister(&zci_zone.zone);
    malloc_zone_register(&zci_zone.zone);
    CHECK(zone_at(0) == created && malloc_size(ours) >= 100);
    CHECK_EQ(zc_zone_install(), 0);
    CHECK(zone_at(0) == &zci_zone.zone);
    malloc_destroy_zone(created);
    CHECK(zone_at(0) == &zci_zone.zone);
    CHECK_EQ(zc_zone_uninstall(), 0);
    CHECK(!zc_zone_is_default() && malloc_size(ours) >= 100);
    CHECK(!is_ours(malloc(10)));
    errno = 0;
    CHECK(zc_zone_uninstall() == -1 && errno == ENOENT);
    free(ours);
    CHECK_EQ(zc_zone_install(), 0);
}

static void a_second_copy_is_refused(void)
{
    static struct zone_pages copy __attribute__((aligned(ZONE_BYTES)));
    CHECK_EQ(zc_zone_uninstall(), 0);
    malloc_zone_unregister(&zci_zone.zone);
    memcpy(&copy, &zci_zone, sizeof copy);
    copy.zone.zone_name = "zcmalloc";
    malloc_zone_register(&copy.zone);
    errno = 0;
    CHECK(zc_zone_create() == NULL && errno == EEXIST);
    CHECK(!zone_is_listed(&zci_zone.zone));
    errno = 0;
    CHECK(zc_zone_install() == -1 && errno == EEXIST);
    CHECK(zone_is_listed(&zci_zone.zone) && !zc_zone_is_default());
    malloc_zone_unregister(&copy.zone);
    CHECK_EQ(zc_zone_install(), 0);
}

/* Our blocks are strangers to the others then, but not to us. The twin is there after a former move. */
static void ours_may_be_unregistered(void)
{
    void *block = malloc(100);
    void *large = malloc(1000000);
    malloc_zone_unregister(&zci_zone.zone);
    if (zone_is_listed(&zci_zone_twin.zone)) {
        CHECK(malloc_zone_from_ptr(block) != NULL && malloc_size(large) >= 1000000);
        malloc_zone_unregister(&zci_zone_twin.zone);
    }
    CHECK(malloc_zone_from_ptr(block) == NULL && malloc_size(large) == 0);
    CHECK(!zc_zone_is_default() && zc_malloc_usable_size(block) >= 100);
    zc_free(block);
    zc_free(large);
    CHECK_EQ(zc_zone_install(), 0);
    CHECK(zc_zone_is_default());
}

static void *make_and_destroy(void *unused)
{
    for (int i = 0; i < VANISHING; i++) {
        struct zone *zone = malloc_create_zone(0, 0);
        for (int j = 0; j < 50; j++)
            free(malloc_zone_malloc(zone, 64));
        malloc_destroy_zone(zone);
    }
    return unused;
}

/* Each thread frees its own blocks and destroys its own zones: the zones that free asks must not vanish meanwhile. */
static void others_zones_vanish(void)
{
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, make_and_destroy, NULL), 0);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
}

/* Else the child ends by a signal: a model of the system may copy without a look. */
static bool unreadable_memory_is_an_error(const void *from)
{
    pid_t child = fork();
    if (child == 0) {
        char to;
        vm_size_t done;
        _exit(vm_read_overwrite(mach_task_self(), (vm_address_t)from, 1, (vm_address_t)&to,
                                &done) == KERN_SUCCESS);
    }
    return child_status(child) == 0;
}

/* Another thread has unmapped a zone, or its name, that was still listed when we looked. */
static void a_vanishing_zone_is_passed_over(void)
{
    static struct zone_pages nameless __attribute__((aligned(ZONE_BYTES)));
    vm_address_t gone = 0;
    CHECK_EQ(vm_allocate(mach_task_self(), &gone, ZONE_BYTES, VM_FLAGS_ANYWHERE), KERN_SUCCESS);
    vm_protect(mach_task_self(), gone, ZONE_BYTES, FALSE, VM_PROT_NONE);
    if (!unreadable_memory_is_an_error((void *)gone)) {
        check_skip("unreadable memory cannot be read here");
        return;
    }
    nameless.zone = zci_zone_twin.zone;
    nameless.zone.zone_name = (const char *)gone;
    malloc_zone_unregister(&zci_zone.zone);
    malloc_zone_register(&nameless.zone);
    malloc_zone_register((struct zone *)gone);
    int result = zc_zone_install();
    malloc_zone_unregister((struct zone *)gone);
    malloc_zone_unregister(&nameless.zone);
    CHECK(result == 0 && zc_zone_is_default());
    vm_deallocate(mach_task_self(), gone, ZONE_BYTES);
}

static void destroying_ours_frees_nothing(void)
{
    char *block = malloc(100);
    memcpy(block, "alive", 6);
    malloc_destroy_zone(&zci_zone.zone);
    CHECK(!zone_is_listed(&zci_zone.zone) && memcmp(block, "alive", 6) == 0);
    CHECK(is_ours(zc_malloc(50)));
    CHECK_EQ(zc_zone_install(), 0);
    free(block);
}

int main(void)
{
    system_zone = zone_at(0);
    for (int i = 0; i < 3; i++) {
        early[i] = malloc(100);
        memcpy(early[i], "early", 6);
    }
    CHECK_EQ(zc_zone_install(), 0);
    CHECK_EQ(zc_zone_install(), 0);
    RUN(system_blocks_stay_valid);
    RUN(default_zone_takes_system_blocks);
    RUN(purgeable_zone_serves);
    RUN(zones_come_and_go);
    RUN(former_zone_may_vanish);
    RUN(a_second_copy_is_refused);
    RUN(ours_may_be_unregistered);
    RUN(others_zones_vanish);
    RUN(destroying_ours_frees_nothing);
    RUN(a_vanishing_zone_is_passed_over);
    return check_done();
}
