/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* limits_test.c - the soft limit makes room and never refuses; the hard limit is never passed, refuses with
 * ENOMEM, and nothing but growth is refused. Each case in a process of its own. */
#include "os/footprint.h"
#include "support/check.h"
#include "support/fake_os.h"
#include "workload.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>

#define MIB ((size_t)1 << 20)

/* So aligned, a block has a mapping of its own. */
#define HUGE_ALIGNMENT (32 * MIB)

static struct zc_stats stats;

static void get(void)
{
    CHECK_EQ(zc_stats_get(&stats, sizeof stats), 0);
}

static int in_child(void (*run)(void))
{
    pid_t pid = fork();
    if (pid == 0) {
        check_failed_count = 0;
        alarm(60);
        run();
        _exit(check_failed_count != 0 ? 1 : 0);
    }
    int status = -1;
    waitpid(pid, &status, 0);
    return status;
}

struct link {
    struct link *next;
};

/* Blocks of one size until there are no more, as a list. */
static struct link *exhaust(size_t size, size_t *count)
{
    struct link *list = NULL;
    for (*count = 0;; ++*count) {
        errno = 0;
        struct link *block = zc_malloc(size);
        if (block == NULL)
            break;
        block->next = list;
        list = block;
        if (!CHECK(*count * size <= 4096 * MIB))
            break;
    }
    CHECK_EQ(errno, ENOMEM);
    return list;
}

static void free_all(struct link *list)
{
    while (list != NULL) {
        struct link *next = list->next;
        zc_free(list);
        list = next;
    }
}

static void limits_are_readable_and_settable(void)
{
    CHECK_EQ(zc_limit_get(ZC_LIMIT_SOFT), 0);
    CHECK_EQ(zc_limit_get(ZC_LIMIT_HARD), 0);
    CHECK_EQ(zc_limit_set(ZC_LIMIT_SOFT, 100 * MIB), 0);
    CHECK_EQ(zc_limit_set(ZC_LIMIT_HARD, 200 * MIB), 0);
    CHECK_EQ(zc_limit_get(ZC_LIMIT_SOFT), 100 * MIB);
    CHECK_EQ(zc_limit_get(ZC_LIMIT_HARD), 200 * MIB);
    get();
    CHECK_EQ(stats.soft_limit_bytes, 100 * MIB);
    CHECK_EQ(stats.hard_limit_bytes, 200 * MIB);
    errno = 0;
    CHECK_EQ(zc_limit_set(2, 1), -1);
    CHECK_EQ(errno, EINVAL);
    CHECK_EQ(zc_limit_get(-1), 0);
    CHECK_EQ(zc_limit_set(ZC_LIMIT_HARD, 0), 0);
    CHECK_EQ(zc_limit_get(ZC_LIMIT_HARD), 0);
    zc_free(zc_malloc(300 * MIB));
}

/* What a limit leaves of itself unused: less than a run of the size asked for, and metadata. */
static void the_hard_limit_is_reached_and_not_passed(void)
{
    static const size_t sizes[] = {24, 1000, 30000, 200000, 3 * MIB, 40 * MIB};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t count, again;
        CHECK_EQ(zc_limit_set(ZC_LIMIT_HARD, 128 * MIB), 0);
        struct link *list = exhaust(sizes[i], &count);
        get();
        CHECK(stats.mapped_peak_bytes <= 128 * MIB);
        CHECK(count * sizes[i] >= 90 * MIB || sizes[i] > 3 * MIB);
        CHECK(stats.limit_refuse_count > 0);
        /* One freed block is one that can be had. */
        if (list != NULL) {
            struct link *next = list->next;
            zc_free(list);
            list = zc_malloc(sizes[i]);
            CHECK(list != NULL);
            if (list != NULL)
                list->next = next;
        }
        free_all(list);
        /* All of it may become any other size: what was freed is not lost. */
        list = exhaust(sizes[i], &again);
        CHECK(again >= count - count / 10);
        free_all(list);
        get();
        CHECK(stats.mapped_peak_bytes <= 128 * MIB);
    }
}

static void a_lower_limit_only_stops_growth(void)
{
    char *held = zc_malloc(300 * MIB);
    held[0] = held[300 * MIB - 1] = 7;
    CHECK_EQ(zc_limit_set(ZC_LIMIT_HARD, 10 * MIB), 0);
    errno = 0;
    CHECK(zc_malloc(20 * MIB) == NULL);
    CHECK_EQ(errno, ENOMEM);
    CHECK(zc_calloc(1, 20 * MIB) == NULL);
    CHECK(zc_aligned_alloc(4096, 20 * MIB) == NULL);
    CHECK(zc_realloc(held, 301 * MIB) == NULL);
    CHECK(held[0] == 7 && held[300 * MIB - 1] == 7);
    zc_free(held);
    char *small = zc_malloc(MIB);
    CHECK(small != NULL);
    zc_free(small);
}

static void blocks_shrink_at_the_limit(void)
{
    static const size_t to[] = {299 * MIB, 200 * MIB, MIB, 70000, 3000, 10};
    for (size_t i = 0; i < sizeof to / sizeof to[0]; i++) {
        CHECK_EQ(zc_limit_set(ZC_LIMIT_HARD, 0), 0);
        unsigned char *huge = zc_malloc(300 * MIB);
        unsigned char *large = zc_malloc(2 * MIB);
        unsigned char *small = zc_malloc(60000);
        huge[0] = huge[to[i] - 1] = 1;
        memset(large, 2, 2 * MIB);
        memset(small, 3, 60000);
        /* One byte: nothing can grow. */
        CHECK_EQ(zc_limit_set(ZC_LIMIT_HARD, 1), 0);
        unsigned char *now = zc_realloc(huge, to[i]);
        CHECK(now != NULL && now[0] == 1 && now[to[i] - 1] == 1);
        zc_free(now);
        if (to[i] < 2 * MIB) {
            large = zc_realloc(large, to[i]);
            CHECK(large != NULL && large[0] == 2 && large[to[i] - 1] == 2);
        }
        if (to[i] < 60000) {
            small = zc_realloc(small, to[i]);
            CHECK(small != NULL && small[0] == 3 && small[to[i] - 1] == 3);
        }
        zc_free(large);
        zc_free(small);
    }
}

/* A block that grows where it stands is charged like any other. */
static void growth_in_place_heeds_the_limit(void)
{
    CHECK_EQ(zc_limit_set(ZC_LIMIT_HARD, 16 * MIB), 0);
    size_t size = MIB;
    char *block = zc_malloc(size);
    char *more;
    while ((more = zc_realloc(block, size + MIB)) != NULL && size < 32 * MIB) {
        block = more;
        size += MIB;
    }
    CHECK(more == NULL && size >= 8 * MIB);
    get();
    CHECK(stats.mapped_peak_bytes <= 16 * MIB);
    zc_free(block);
}

/* Not even the OS' refusal makes a shrinking block fail. */
static void blocks_shrink_without_the_os(void)
{
    fake_os_install();
    char *huge = zc_malloc(300 * MIB);
    huge[0] = 1;
    CHECK_EQ(zc_limit_set(ZC_LIMIT_HARD, 1), 0);
    fake_os.fail_at = fake_os.call_count + 1;
    fake_os.fail_count = -1;
    huge = zc_realloc(huge, 280 * MIB);
    CHECK(huge != NULL && huge[0] == 1);
    huge = zc_realloc(huge, MIB);
    CHECK(huge != NULL && huge[0] == 1);
    fake_os.fail_at = 0;
    zc_free(huge);
}

static void a_limit_collects_when_it_is_set(void)
{
    for (int which = ZC_LIMIT_SOFT; which <= ZC_LIMIT_HARD; which++) {
        static void *blocks[50];
        for (int i = 0; i < 50; i++)
            blocks[i] = zc_malloc(MIB);
        for (int i = 0; i < 50; i++)
            zc_free(blocks[i]);
        CHECK_EQ(zc_limit_set(which, 10 * MIB), 0);
        get();
        CHECK(stats.mapped_bytes <= 10 * MIB);
        CHECK_EQ(zc_limit_set(which, 0), 0);
    }
}

/* What is free may not keep anything from growing: neither what is resident nor what is cached. */
static void free_memory_makes_room_under_the_hard_limit(void)
{
    static void *blocks[96];
    CHECK_EQ(zc_limit_set(ZC_LIMIT_HARD, 100 * MIB), 0);
    for (int i = 0; i < 90; i++)
        blocks[i] = zc_malloc(MIB);
    for (int i = 0; i < 90; i++)
        zc_free(blocks[i]);
    void *huge = zc_aligned_alloc(HUGE_ALIGNMENT, 80 * MIB);
    CHECK(huge != NULL);
    zc_free(huge);
    size_t count;
    struct link *list = exhaust(64, &count);
    CHECK(count * 64 >= 85 * MIB);
    free_all(list);
    huge = zc_malloc(80 * MIB);
    CHECK(huge != NULL);
    zc_free(huge);
}

static void the_soft_limit_makes_room_first(void)
{
    static void *blocks[96];
    CHECK_EQ(zc_limit_set(ZC_LIMIT_SOFT, 100 * MIB), 0);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 90; i++)
            blocks[i] = zc_malloc(MIB);
        for (int i = 0; i < 90; i++)
            zc_free(blocks[i]);
        void *huge = zc_aligned_alloc(HUGE_ALIGNMENT, 80 * MIB);
        CHECK(huge != NULL);
        zc_free(huge);
    }
    get();
    CHECK(stats.mapped_peak_bytes <= 100 * MIB);
    CHECK(stats.limit_collect_count > 0);
    CHECK_EQ(stats.limit_refuse_count, 0);
}

/* A program that needs more than its soft limit gets it, and is not collected at each step. */
static void the_soft_limit_never_refuses(void)
{
    static void *blocks[400];
    static void *small[40000];
    CHECK_EQ(zc_limit_set(ZC_LIMIT_SOFT, 32 * MIB), 0);
    for (int i = 0; i < 100; i++)
        CHECK((blocks[i] = zc_malloc(MIB)) != NULL);
    for (int i = 0; i < 40000; i++)
        CHECK((small[i] = zc_malloc(3000)) != NULL);
    CHECK((blocks[100] = zc_malloc(50 * MIB)) != NULL);
    CHECK((blocks[100] = zc_realloc(blocks[100], 90 * MIB)) != NULL);
    CHECK((blocks[0] = zc_realloc(blocks[0], 20 * MIB)) != NULL);
    get();
    CHECK_EQ(stats.limit_refuse_count, 0);
    CHECK(stats.limit_collect_count >= 1 && stats.limit_collect_count <= 200);
    for (int i = 0; i <= 100; i++)
        zc_free(blocks[i]);
    for (int i = 0; i < 40000; i++)
        zc_free(small[i]);
    /* Below the limit again, it holds again. */
    zc_trim(0);
    get();
    CHECK(stats.mapped_bytes <= 32 * MIB);
    uint64_t collected = stats.limit_collect_count;
    for (int i = 0; i < 40; i++)
        zc_free(zc_malloc(20 * MIB));
    get();
    CHECK(stats.mapped_bytes <= 32 * MIB);
    CHECK(stats.limit_collect_count <= collected + 1);
    for (int i = 0; i < 20; i++)
        blocks[i] = zc_malloc(MIB);
    for (int i = 0; i < 20; i++)
        zc_free(blocks[i]);
    zc_free(zc_malloc(25 * MIB));
    get();
    CHECK(stats.mapped_bytes <= 32 * MIB);
}

static void *grow_and_free(void *unused)
{
    static __thread void *blocks[200];
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 200; i++)
            CHECK((blocks[i] = zc_malloc((size_t)(i % 20 + 1) * 7000)) != NULL);
        for (int i = 0; i < 200; i++)
            zc_free(blocks[i]);
    }
    return unused;
}

static void the_soft_limit_never_refuses_threads(void)
{
    pthread_t threads[4];
    CHECK_EQ(zc_limit_set(ZC_LIMIT_SOFT, 4 * MIB), 0);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, grow_and_free, NULL), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    get();
    CHECK_EQ(stats.limit_refuse_count, 0);
}

/* A child is nobody's retry, whatever its parent was doing. */
static void a_child_heeds_the_soft_limit(void)
{
    CHECK_EQ(zc_limit_set(ZC_LIMIT_SOFT, 32 * MIB), 0);
    zci_footprint_suspend_soft();
    CHECK(!zci_footprint_is_tight(64 * MIB));
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        check_failed_count = 0;
        CHECK(zci_footprint_is_tight(64 * MIB));
        /* The parent's retry ends here too. */
        zci_footprint_resume_soft();
        CHECK(zci_footprint_is_tight(64 * MIB));
        _exit(check_failed_count != 0);
    }
    waitpid(child, &status, 0);
    CHECK_EQ(status, 0);
    zci_footprint_resume_soft();
    CHECK(zci_footprint_is_tight(64 * MIB));
}

static void the_workload_bears_refusals(void)
{
    CHECK_EQ(zc_limit_set(ZC_LIMIT_HARD, 24 * MIB), 0);
    CHECK(workload_run() > 0);
    get();
    CHECK(stats.mapped_peak_bytes <= 24 * MIB);
    CHECK_EQ(stats.large_bytes, 0);
    CHECK_EQ(zc_limit_set(ZC_LIMIT_HARD, 0), 0);
    CHECK_EQ(workload_run(), 0);
}

/* Nothing at all can be had, not even a thread's cache. */
static void nothing_is_left_from_the_start(void)
{
    CHECK_EQ(zc_limit_set(ZC_LIMIT_HARD, 1), 0);
    CHECK(workload_run() > 0);
    get();
    CHECK_EQ(stats.mapped_bytes, 0);
    CHECK_EQ(zc_limit_set(ZC_LIMIT_HARD, 0), 0);
    CHECK_EQ(workload_run(), 0);
}

/* A call of the OS that fails gives back what the footprint was charged. */
static void failed_calls_are_not_charged(void)
{
    fake_os_install();
    zc_free(zc_malloc(100));
    CHECK_EQ(zc_limit_set(ZC_LIMIT_HARD, 500 * MIB), 0);
    for (long n = 1; n <= 6; n++) {
        get();
        uint64_t before = zci_footprint_bytes() - stats.run_cache_bytes - stats.page_heap_bytes;
        fake_os.fail_at = fake_os.call_count + n;
        fake_os.fail_count = -1;
        void *huge = zc_malloc(300 * MIB);
        void *large = zc_malloc(20 * MIB);
        void *grown = huge != NULL ? zc_realloc(huge, 350 * MIB) : NULL;
        fake_os.fail_at = 0;
        zc_free(grown != NULL ? grown : huge);
        zc_free(large);
        zc_trim(0);
        get();
        CHECK(zci_footprint_bytes() <= before + MIB);
        CHECK_EQ(stats.mapped_bytes, stats.small_bytes + stats.large_bytes + stats.central_bytes +
                                         stats.span_tail_bytes + stats.run_cache_bytes +
                                         stats.page_heap_bytes + stats.metadata_bytes -
                                         stats.span_released_bytes);
    }
}

/* Pages given back from the middle of spans stay charged while there is a hard limit, whatever was there first. */
static void charges_follow_the_limit(void)
{
    enum { COUNT = 20000, SIZE = 2048, KEPT = 64 };

    static void *blocks[COUNT];
    for (size_t i = 0; i < COUNT; i++)
        CHECK((blocks[i] = zc_malloc(SIZE)) != NULL);
    for (size_t i = 0; i < COUNT; i++)
        if (i % KEPT != 0)
            zc_free(blocks[i]);
    (void)zc_collect(ZC_COLLECT_ALL);
    get();
    uint64_t purged = stats.span_released_bytes;
    CHECK(purged >= 10 * MIB);
    for (int round = 0; round < 2; round++) {
        uint64_t uncharged = zci_footprint_bytes();
        CHECK_EQ(zc_limit_set(ZC_LIMIT_HARD, 500 * MIB), 0);
        CHECK_EQ(zci_footprint_bytes(), uncharged + purged);
        CHECK_EQ(zc_limit_set(ZC_LIMIT_HARD, 0), 0);
        CHECK_EQ(zci_footprint_bytes(), uncharged);
    }
}

int main(void)
{
    CHECK_EQ(in_child(limits_are_readable_and_settable), 0);
    CHECK_EQ(in_child(the_hard_limit_is_reached_and_not_passed), 0);
    CHECK_EQ(in_child(a_lower_limit_only_stops_growth), 0);
    CHECK_EQ(in_child(blocks_shrink_at_the_limit), 0);
    CHECK_EQ(in_child(growth_in_place_heeds_the_limit), 0);
    CHECK_EQ(in_child(blocks_shrink_without_the_os), 0);
    CHECK_EQ(in_child(a_limit_collects_when_it_is_set), 0);
    CHECK_EQ(in_child(free_memory_makes_room_under_the_hard_limit), 0);
    CHECK_EQ(in_child(the_soft_limit_makes_room_first), 0);
    CHECK_EQ(in_child(the_soft_limit_never_refuses), 0);
    CHECK_EQ(in_child(the_soft_limit_never_refuses_threads), 0);
    CHECK_EQ(in_child(a_child_heeds_the_soft_limit), 0);
    CHECK_EQ(in_child(the_workload_bears_refusals), 0);
    CHECK_EQ(in_child(nothing_is_left_from_the_start), 0);
    CHECK_EQ(in_child(failed_calls_are_not_charged), 0);
    CHECK_EQ(in_child(charges_follow_the_limit), 0);
    return check_done();
}
