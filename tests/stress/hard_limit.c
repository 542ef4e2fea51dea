/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* hard_limit.c - threads take all that ZCMALLOC_HARD_LIMIT allows, over and over, while others are born,
 * use thread-specific destructors and die, and the process forks. Every request gives a block, whose
 * contents are checked, or NULL with ENOMEM; nothing hangs; when all is freed the heap works as before.
 *
 *   hard_limit        starts itself again with the limit set
 *   hard_limit run    the work */
#include "stress/names.h"
#include "stress/process.h"
#include "support/check.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIMIT_BYTES ((size_t)24 << 20)
#define LIMIT_TEXT  "24M"

enum { HOARDERS = 3, ROUNDS = 400, SHORT_LIVES = 4, FORK_EVERY = 5 };

static pthread_key_t key;
static long refused_count; /* atomic */
static int stopping;       /* atomic */

/* A list node that carries a pattern behind its head. */
struct held {
    struct held *next;
    size_t size;
};

static int held_is_intact(const struct held *held)
{
    const unsigned char *bytes = (const unsigned char *)held;
    return held->size == sizeof *held || bytes[held->size - 1] == (unsigned char)(held->size * 7);
}

static struct held *take(size_t size)
{
    size = size < sizeof(struct held) + 1 ? sizeof(struct held) + 1 : size;
    errno = 0;
    struct held *held = t_malloc(size);
    if (held == NULL) {
        CHECK_EQ(errno, ENOMEM);
        __atomic_add_fetch(&refused_count, 1, __ATOMIC_RELAXED);
        return NULL;
    }
    held->size = size;
    ((unsigned char *)held)[size - 1] = (unsigned char)(size * 7);
    return held;
}

static void give_all(struct held *list)
{
    int intact = 1;
    while (list != NULL) {
        struct held *next = list->next;
        intact &= held_is_intact(list);
        t_free(list);
        list = next;
    }
    CHECK(intact);
}

/* Shrinks must succeed whatever is left. */
static struct held *shrink(struct held *held)
{
    size_t size = held->size / 3 + sizeof *held + 1;
    if (size > held->size)
        return held;
    struct held *now = t_realloc(held, size);
    if (!CHECK(now != NULL))
        return held;
    now->size = size;
    ((unsigned char *)now)[size - 1] = (unsigned char)(size * 7);
    return now;
}

static void *hoard(void *seed)
{
    uint64_t state = (uint64_t)(uintptr_t)seed * 2 + 1;
    while (!__atomic_load_n(&stopping, __ATOMIC_RELAXED)) {
        struct held *list = NULL;
        size_t bytes = 0;
        int failures = 0;
        /* A few more after the first refusal: other sizes may still fit. */
        while (failures < 5 && !__atomic_load_n(&stopping, __ATOMIC_RELAXED)) {
            struct held *held = take(random_size(&state, 21));
            if (held == NULL) {
                failures++;
                continue;
            }
            if (random_below(&state, 4) == 0)
                held = shrink(held);
            held->next = list;
            list = held;
            bytes += held->size;
            if (!CHECK(bytes <= LIMIT_BYTES))
                break;
        }
        give_all(list);
    }
    return NULL;
}

/* Runs at thread exit; allocates and frees once more. */
static void destroy(void *block)
{
    t_free(block);
    t_free(t_malloc(333));
}

static void *live_shortly(void *seed)
{
    uint64_t state = (uint64_t)(uintptr_t)seed * 2 + 1;
    struct held *list = NULL;
    pthread_setspecific(key, t_malloc(77));
    for (int i = 0; i < 50; i++) {
        struct held *held = take(random_size(&state, 17));
        if (held == NULL)
            continue;
        held->next = list;
        list = held;
    }
    give_all(list);
    return NULL;
}

static void give_one(size_t size)
{
    struct held *held = take(size);
    if (held != NULL)
        held->next = NULL;
    give_all(held);
}

/* The child has what the parent held, as garbage; it may allocate little, but frees and exits. */
static void child(struct held *list)
{
    alarm(CHILD_SECONDS);
    check_failed_count = 0;
    give_all(list);
    give_one(100);
    give_one(300000);
    _exit(check_failed_count != 0);
}

static void fork_once(uint64_t seed)
{
    struct held *list = take(random_size(&seed, 19));
    if (list != NULL)
        list->next = NULL;
    pid_t pid = fork();
    if (pid == 0)
        child(list);
    give_all(list);
    if (CHECK(pid > 0))
        CHECK_EQ(child_wait(pid), 0);
}

static int run(void)
{
    pthread_t hoarders[HOARDERS];
    pthread_t shorts[SHORT_LIVES];
    alarm(300);
    CHECK_EQ(pthread_key_create(&key, destroy), 0);
    for (int i = 0; i < HOARDERS; i++)
        CHECK_EQ(pthread_create(&hoarders[i], NULL, hoard, (void *)(uintptr_t)(i + 11)), 0);
    int born = 0;
    for (int round = 0; round < ROUNDS; round++) {
        int count = 0;
        for (; count < SHORT_LIVES; count++)
            /* libc needs memory for a thread, from us: EAGAIN is its right. */
            if (pthread_create(&shorts[count], NULL, live_shortly,
                               (void *)(uintptr_t)(round * 10 + count)) != 0)
                break;
        born += count;
        if (round % FORK_EVERY == 0)
            fork_once((uint64_t)round + 1);
        for (int i = 0; i < count; i++)
            CHECK_EQ(pthread_join(shorts[i], NULL), 0);
    }
    __atomic_store_n(&stopping, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < HOARDERS; i++)
        CHECK_EQ(pthread_join(hoarders[i], NULL), 0);
    print_figure("  refused        ", refused_count);
    print_figure("  threads born   ", born);
    CHECK(refused_count > 0);
    CHECK(born > 0);
    CHECK(heap_works_with_threads(5));
    return check_done();
}

int main(int argc, char **argv)
{
    static char path[] = "/proc/self/exe";
    static char run_argument[] = "run";
    char *const arguments[] = {path, run_argument, NULL};
    if (argc == 2)
        return run();
    (void)argv;
    if (setenv("ZCMALLOC_HARD_LIMIT", LIMIT_TEXT, 1) != 0)
        return 1;
    execv(path, arguments);
    return 126;
}
