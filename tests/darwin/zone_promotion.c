/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* zone_promotion.c - in many processes one after the other the zone is installed, and then taken out of use
 * and into use many times, while other threads allocate, free and ask whose a block is. A block without a
 * zone, even for an instant, ends the process (libmalloc aborts on it) or is seen by a witness.
 * usage: zone_promotion [PROCESSES] [bare]    bare: the well-known swap with its gap, to see it caught */
#include "darwin/zone.h"
#include "stress/pattern.h"

#include <sched.h>

enum { WORKERS = 4, HELD = 200 };

static int is_stopping;
static long orphans;
static long steps;

static void *work(void *argument)
{
    uint64_t state = (uint64_t)(uintptr_t)argument * 99 + 1;
    void *held[HELD] = {0};
    size_t sizes[HELD] = {0};
    while (!__atomic_load_n(&is_stopping, __ATOMIC_ACQUIRE)) {
        size_t i = random_below(&state, HELD);
        if (held[i] == NULL) {
            sizes[i] = random_size(&state, 16);
            held[i] = random_below(&state, 4) == 0 ? calloc(1, sizes[i]) : malloc(sizes[i]);
            pattern_fill(held[i], sizes[i], (uintptr_t)&held[i]);
            continue;
        }
        if (!pattern_kept(held[i], sizes[i], sizes[i], (uintptr_t)&held[i]))
            __atomic_add_fetch(&orphans, 1, __ATOMIC_RELAXED);
        if (random_below(&state, 5) == 0) {
            size_t size = random_size(&state, 16);
            held[i] = realloc(held[i], size);
            sizes[i] = size;
            pattern_fill(held[i], size, (uintptr_t)&held[i]);
        } else {
            free(held[i]);
            held[i] = NULL;
        }
        __atomic_add_fetch(&steps, 1, __ATOMIC_RELAXED);
    }
    for (size_t i = 0; i < HELD; i++)
        free(held[i]);
    return NULL;
}

static void *witnesses[4];

/* Asks without pause whose some long-lived blocks are. */
static void *witness(void *argument)
{
    while (!__atomic_load_n(&is_stopping, __ATOMIC_ACQUIRE))
        for (size_t i = 0; i < 4; i++)
            if (malloc_zone_from_ptr(witnesses[i]) == NULL || malloc_size(witnesses[i]) == 0)
                __atomic_add_fetch(&orphans, 1, __ATOMIC_RELAXED);
    return argument;
}

static void bare_swap(struct zone *ours)
{
    struct zone *first = zone_at(0);
    if (!zone_is_listed(ours))
        malloc_zone_register(ours);
    malloc_zone_unregister(first);
    malloc_zone_register(first);
}

static void wait_for_steps(long count)
{
    long until = __atomic_load_n(&steps, __ATOMIC_RELAXED) + count;
    while (__atomic_load_n(&steps, __ATOMIC_RELAXED) < until)
        sched_yield();
}

static void change(int changes, bool is_bare)
{
    wait_for_steps(500);
    for (int i = 0; i < changes; i++) {
        if (is_bare) {
            bare_swap(&zci_zone.zone);
            continue;
        }
        CHECK_EQ(zc_zone_install(), 0);
        CHECK(zc_zone_is_default());
        CHECK(is_ours(malloc(40)));
        CHECK_EQ(zc_zone_uninstall(), 0);
        CHECK(!zc_zone_is_default());
        CHECK(!is_ours(malloc(40)));
    }
}

static int run(bool is_bare)
{
    pthread_t threads[WORKERS + 1];
    unsigned count = zone_count();
    struct zone *first = zone_at(0);
    /* A block of each kind of zone, ours included, which is not registered yet. */
    witnesses[0] = malloc(100);
    witnesses[1] = malloc(100000);
    zc_zone_create();
    witnesses[2] = zc_malloc(100);
    witnesses[3] = zc_malloc(100000);
    for (size_t i = 0; i < WORKERS; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, work, (void *)(i + 1)), 0);
    CHECK_EQ(pthread_create(&threads[WORKERS], NULL, witness, NULL), 0);
    change(30, is_bare);
    wait_for_steps(500);
    __atomic_store_n(&is_stopping, 1, __ATOMIC_RELEASE);
    for (size_t i = 0; i <= WORKERS; i++)
        pthread_join(threads[i], NULL);
    CHECK_EQ(orphans, 0);
    CHECK_EQ(zone_count(), count + 2 - is_bare);
    CHECK(is_bare || zone_at(0) == &zci_zone.zone);
    CHECK(zone_is_listed(first) && !zone_is_listed(&zci_zone_proxy.zone));
    CHECK(is_bare || zone_is_listed(&zci_zone_twin.zone));
    CHECK(malloc_zone_check(NULL));
    return check_failed_count == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    int processes = argc > 1 ? atoi(argv[1]) : 60;
    for (int i = 0; i < processes; i++) {
        pid_t child = fork();
        if (child == 0) {
            alarm(100);
            _exit(run(argc > 2 && strcmp(argv[2], "bare") == 0));
        }
        CHECK_EQ(child_status(child), 0);
    }
    return check_done();
}
