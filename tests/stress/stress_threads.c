/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* stress_threads.c - many threads, all kinds of blocks, contents checked.
 *
 *   stress_threads [seed [rounds]]
 *
 * Workers allocate, resize, free, and pass blocks to one another through a table of slots; each
 * round ends when its workers have died, at different times, and the next round's inherit their
 * blocks.
 * Invariants: slots and workers hold item numbers; an exchange permutes them, so that each item has
 *             one owner at any time, and acquire/release on the slot hands its fields over.
 * Costs:      bounded by rounds; about 40 MiB live. */
#include "stress/names.h"
#include "stress/pattern.h"
#include "support/check.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

enum {
    SLOT_COUNT = 512,
    WORKER_COUNT = 6,
    HELD_COUNT = 128, /* items of a worker */
    ITEM_COUNT = SLOT_COUNT + WORKER_COUNT * HELD_COUNT,
    STEPS_MIN = 500,
    STEPS_SPREAD = 5000
};

struct item {
    unsigned char *block; /* NULL: nothing allocated */
    size_t size;
    uint64_t mark;
};

struct worker {
    pthread_t thread;
    uint64_t state; /* of its random numbers */
    uint32_t held[HELD_COUNT];
};

static struct item items[ITEM_COUNT];
static uint32_t slots[SLOT_COUNT]; /* atomic */
static struct worker workers[WORKER_COUNT];

/* Mostly small, 1 in 512 up to 8 MiB. */
static size_t pick_size(uint64_t *state)
{
    size_t kind = random_below(state, 512);
    if (kind == 0)
        return random_size(state, 23);
    return random_size(state, kind < 64 ? 18 : kind < 192 ? 14 : 9);
}

static void item_check(const struct item *item)
{
    CHECK(pattern_kept(item->block, item->size, item->size, item->mark));
}

static void item_fill(struct item *item, uint64_t seed)
{
    CHECK(t_usable_size(item->block) >= item->size);
    item->mark = pattern_mark(item->block, item->size, seed);
    pattern_fill(item->block, item->size, item->mark);
}

static void item_free(struct item *item)
{
    item_check(item);
    t_free(item->block);
    item->block = NULL;
}

static void item_alloc(struct item *item, uint64_t *state)
{
    size_t size = pick_size(state);
    size_t alignment = size >= 16 ? 16 : 8;
    void *block = NULL;
    switch (random_below(state, 8)) {
    case 0:
        block = t_calloc(1, size);
        CHECK(block != NULL && pattern_is_zero(block, size));
        break;
    case 1:
        alignment = (size_t)1 << random_below(state, 17);
        block = t_memalign(alignment, size);
        break;
    case 2:
        alignment = (size_t)8 << random_below(state, 10);
        CHECK_EQ(t_posix_memalign(&block, alignment, size), 0);
        break;
    case 3:
        alignment = (size_t)16 << random_below(state, 6);
        size = (size + alignment - 1) & ~(alignment - 1);
        block = t_aligned_alloc(alignment, size);
        break;
    default:
        block = t_malloc(size);
        break;
    }
    if (!CHECK(block != NULL))
        return;
    CHECK_EQ((uintptr_t)block % alignment, 0);
    item->block = block;
    item->size = size;
    item_fill(item, *state);
}

static void item_resize(struct item *item, uint64_t *state)
{
    size_t size = pick_size(state);
    item_check(item);
    void *block = t_realloc(item->block, size);
    if (!CHECK(block != NULL))
        return;
    CHECK(pattern_kept(block, item->size, size, item->mark));
    item->block = block;
    item->size = size;
    item_fill(item, *state);
}

static void *free_one(void *item)
{
    item_free(item);
    t_free(t_malloc(100));
    return NULL;
}

/* A thread whose whole life is to free somebody else's block. */
static void item_free_elsewhere(struct item *item)
{
    pthread_t thread;
    if (CHECK_EQ(pthread_create(&thread, NULL, free_one, item), 0))
        CHECK_EQ(pthread_join(thread, NULL), 0);
}

static void step(struct worker *worker)
{
    uint64_t *state = &worker->state;
    uint32_t *held = &worker->held[random_below(state, HELD_COUNT)];
    struct item *item = &items[*held];
    size_t what = random_below(state, 1024);
    if (what < 256)
        *held =
            __atomic_exchange_n(&slots[random_below(state, SLOT_COUNT)], *held, __ATOMIC_ACQ_REL);
    else if (item->block == NULL)
        item_alloc(item, state);
    else if (what < 448)
        item_resize(item, state);
    else if (what == 1023)
        item_free_elsewhere(item);
    else
        item_free(item);
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    size_t steps = STEPS_MIN + random_below(&worker->state, STEPS_SPREAD);
    while (steps-- > 0)
        step(worker);
    return NULL;
}

static void run_round(void)
{
    for (int i = 0; i < WORKER_COUNT; i++)
        CHECK_EQ(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    for (int i = 0; i < WORKER_COUNT; i++)
        CHECK_EQ(pthread_join(workers[i].thread, NULL), 0);
}

int main(int argc, char **argv)
{
    unsigned long long seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 20260101;
    long rounds = argc > 2 ? strtol(argv[2], NULL, 0) : 100;
    check_write("seed ");
    check_write_number((long long)seed);
    check_write("\n");
    for (uint32_t i = 0; i < SLOT_COUNT; i++)
        slots[i] = i;
    for (uint32_t i = 0; i < WORKER_COUNT * HELD_COUNT; i++)
        workers[i / HELD_COUNT].held[i % HELD_COUNT] = SLOT_COUNT + i;
    for (uint32_t i = 0; i < WORKER_COUNT; i++)
        workers[i].state = (seed + i) * 0x9E3779B97F4A7C15U | 1;
    for (long round = 0; round < rounds; round++) {
        run_round();
        if (round % 8 == 7)
            t_trim(0);
    }
    for (int i = 0; i < ITEM_COUNT; i++) {
        if (items[i].block != NULL)
            item_free(&items[i]);
    }
    return check_done();
}
