/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* fork_test.c - forks while another thread is stopped in the middle of the page heap, lock held. The
 * child has no such thread; its heap must work all the same, and know all its free runs. Then forks as a
 * signal handler may, in the middle of the page heap, while another thread is stopped in a sweep. Then while another
 * thread sets limits, and while the footprint is not what is mapped. Then, in a handler, while a span of a private heap
 * is made. */
#include "base/options.h"
#include "central/central_list.h"
#include "central/page_heap.h"
#include "central/sweep.h"
#include "heap/private_heap.h"
#include "os/footprint.h"
#include "pagemap/meta_arena.h"
#include "support/check.h"
#include "support/fake_os.h"
#include "thread_cache/thread_idle.h"
#include "zcmalloc.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

static int stopper_is_inside;
static int stopper_may_go;
static pthread_t stopper;
static int stopper_runs;

/* Called by each OS call; only the stopper's wait, and it waits with the page heap's lock held. */
static void stop_in_os_call(void)
{
    if (!stopper_runs || !pthread_equal(pthread_self(), stopper))
        return;
    __atomic_store_n(&stopper_is_inside, 1, __ATOMIC_SEQ_CST);
    while (!__atomic_load_n(&stopper_may_go, __ATOMIC_SEQ_CST))
        usleep(1000);
}

static void *release_pages(void *unused)
{
    (void)unused;
    stopper = pthread_self();
    __atomic_store_n(&stopper_runs, 1, __ATOMIC_SEQ_CST);
    zci_page_heap_release(0);
    return NULL;
}

static void *sweep_spans(void *unused)
{
    struct sweep_cursor cursor = {0};
    bool is_round = false;
    (void)unused;
    stopper = pthread_self();
    __atomic_store_n(&stopper_runs, 1, __ATOMIC_SEQ_CST);
    lock_acquire(&zci_collector_lock);
    while (!is_round)
        zci_sweep(&cursor, 0, SIZE_MAX, SIZE_MAX, &is_round);
    lock_release(&zci_collector_lock);
    return NULL;
}

static pid_t forked = -1;

/* Called with the page heap's lock held. In the child the interrupted call goes on. */
static void fork_in_os_call(void)
{
    fake_os.on_call = NULL;
    forked = fork();
    if (forked == 0)
        alarm(20);
}

static void child(void)
{
    static void *blocks[64];
    alarm(20);
    fake_os.on_call = NULL;
    struct page_heap_stats stats;
    zci_page_heap_stats(&stats);
    CHECK(stats.dirty_bytes + stats.clean_bytes >= 4 << 20);
    for (int i = 0; i < 64; i++) {
        blocks[i] = zc_malloc((size_t)(i + 1) * 20000);
        CHECK(blocks[i] != NULL);
        memset(blocks[i], i, (size_t)(i + 1) * 20000);
    }
    for (int i = 0; i < 64; i++)
        zc_free(blocks[i]);
    zc_trim(0);
    _exit(check_failed_count != 0);
}

static void start_stopper(void *(*run)(void *), pthread_t *thread)
{
    stopper_is_inside = stopper_may_go = stopper_runs = 0;
    fake_os.on_call = stop_in_os_call;
    CHECK_EQ(pthread_create(thread, NULL, run, NULL), 0);
    while (!__atomic_load_n(&stopper_is_inside, __ATOMIC_SEQ_CST))
        usleep(1000);
}

static void end_stopper(pthread_t thread)
{
    int status = -1;
    waitpid(forked, &status, 0);
    CHECK_EQ(status, 0);
    fake_os.on_call = NULL;
    __atomic_store_n(&stopper_may_go, 1, __ATOMIC_SEQ_CST);
    pthread_join(thread, NULL);
}

static void lock_of_page_heap_held_by_other(void)
{
    pthread_t thread;
    /* Some free runs, then a thread that gets stuck giving them back. */
    void *a = zc_malloc(5 << 20);
    void *b = zc_malloc(1 << 20);
    memset(a, 1, 5 << 20);
    zc_free(a);
    start_stopper(release_pages, &thread);
    forked = fork();
    if (forked == 0)
        child();
    end_stopper(thread);
    zc_free(b);
}

enum { KEPT_EVERY = 64, SWEPT_BLOCKS = 4096, SWEPT_BYTES = 1024 };

static uint64_t swept_spans(void)
{
    struct central_stats stats;
    zci_central_stats(size_class_of(SWEPT_BYTES), &stats);
    return stats.span_count;
}

/* The sweep that nobody was left to end does not keep its span for itself. */
static void child_of_sweep(void *const *blocks)
{
    for (int i = 0; i < SWEPT_BLOCKS; i += KEPT_EVERY) {
        CHECK(*(const unsigned char *)blocks[i] == 0x5a);
        zc_free(blocks[i]);
    }
    zc_trim(0); /* ends the sweep */
    zc_trim(0);
    CHECK_EQ(swept_spans(), 0);
    child();
}

static void sweep_by_other_and_lock_held_by_self(void)
{
    static void *blocks[SWEPT_BLOCKS];
    pthread_t thread;
    for (int i = 0; i < SWEPT_BLOCKS; i++) {
        blocks[i] = zc_malloc(SWEPT_BYTES);
        memset(blocks[i], 0x5a, SWEPT_BYTES);
    }
    for (int i = 0; i < SWEPT_BLOCKS; i++)
        if (i % KEPT_EVERY != 0)
            zc_free(blocks[i]);
    zc_collect(ZC_COLLECT_CACHES);
    start_stopper(sweep_spans, &thread);
    void *a = zc_malloc(5 << 20);
    memset(a, 1, 5 << 20);
    zc_free(a);
    fake_os.on_call = fork_in_os_call;
    zci_page_heap_release(0);
    if (forked == 0)
        child_of_sweep(blocks);
    CHECK(forked > 0);
    end_stopper(thread);
    for (int i = 0; i < SWEPT_BLOCKS; i += KEPT_EVERY)
        zc_free(blocks[i]);
}

static int limits_end;

static void *set_limits(void *unused)
{
    while (!__atomic_load_n(&limits_end, __ATOMIC_RELAXED)) {
        zc_limit_set(ZC_LIMIT_HARD, (size_t)8 << 30);
        zc_limit_set(ZC_LIMIT_HARD, 0);
    }
    return unused;
}

/* Most of the locks that the thread takes are of shards that are not in use. */
static void limit_set_by_other(void)
{
    enum { CHILDREN = 40 };

    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, set_limits, NULL), 0);
    for (int i = 0; i < CHILDREN; i++) {
        int status = -1;
        usleep(1000);
        forked = fork();
        if (forked == 0) {
            alarm(20);
            CHECK_EQ(zc_limit_set(ZC_LIMIT_HARD, (size_t)4 << 30), 0);
            CHECK_EQ(zc_limit_set(ZC_LIMIT_HARD, 0), 0);
            _exit(check_failed_count != 0);
        }
        waitpid(forked, &status, 0);
        if (!CHECK_EQ(status, 0))
            break;
    }
    __atomic_store_n(&limits_end, 1, __ATOMIC_RELAXED);
    pthread_join(thread, NULL);
}

#define MIB        ((size_t)1 << 20)
#define HUGE_BYTES (300 * MIB)

static void *others_block;
static uint64_t charged_before;

/* The next call of the OS is one that the change makes. */
static void note_change(void)
{
    zc_free(zc_malloc(1));
    zci_page_heap_release(0); /* or a new block may get free pages */
    charged_before = zci_footprint_bytes();
    stopper = pthread_self();
    __atomic_store_n(&stopper_runs, 1, __ATOMIC_SEQ_CST);
}

static void *map_block(void *unused)
{
    note_change();
    others_block = zc_malloc(HUGE_BYTES);
    return unused;
}

static void *grow_block(void *unused)
{
    note_change();
    others_block = zc_realloc(others_block, 2 * HUGE_BYTES);
    return unused;
}

static void *unmap_block(void *unused)
{
    note_change();
    zc_free(others_block);
    return unused;
}

static void *map_metadata(void *unused)
{
    note_change();
    CHECK(zci_meta_alloc(MIB) != NULL);
    return unused;
}

static void child_counts(uint64_t bytes)
{
    CHECK_EQ(zci_footprint_bytes(), bytes);
    int status = -1;
    forked = fork();
    if (forked == 0) {
        CHECK_EQ(zci_footprint_bytes(), bytes);
        _exit(check_failed_count != 0);
    }
    waitpid(forked, &status, 0);
    CHECK_EQ(status, 0);
    child();
}

/* It has neither what others were about to map nor what they were about to give back. */
static void charge_by_other(void *(*run)(void *), uint64_t lost_bytes)
{
    pthread_t thread;
    start_stopper(run, &thread);
    forked = fork();
    if (forked == 0)
        child_counts(charged_before - lost_bytes);
    end_stopper(thread);
}

static void charges_by_other(void)
{
    zc_free(zc_malloc(HUGE_BYTES)); /* there is a descriptor */
    charge_by_other(map_block, 0);
    charge_by_other(grow_block, 0);
    charge_by_other(unmap_block, 2 * HUGE_BYTES);
    charge_by_other(map_metadata, 0);
}

/* In the child the interrupted call goes on, and its charge with it. */
static void charges_by_self(void)
{
    zci_page_heap_release(0);
    uint64_t before = zci_footprint_bytes();
    fake_os.on_call = fork_in_os_call;
    void *block = zc_malloc(HUGE_BYTES);
    CHECK_EQ(zci_footprint_bytes(), before + HUGE_BYTES);
    if (forked == 0)
        _exit(check_failed_count != 0);
    int status = -1;
    waitpid(forked, &status, 0);
    CHECK_EQ(status, 0);

    fake_os.on_call = fork_in_os_call;
    zc_free(block);
    CHECK_EQ(zci_footprint_bytes(), before);
    if (forked == 0)
        child_counts(before);
    waitpid(forked, &status, 0);
    CHECK_EQ(status, 0);
}

static struct zc_heap *others_heap;

static void *end_others_heap(void *unused)
{
    note_change();
    zc_heap_destroy(others_heap);
    return unused;
}

/* It is none of the child's heaps, though what it held is lost to the child. */
static void heap_ended_by_other(void)
{
    pthread_t thread;
    struct zc_stats stats;
    others_heap = zc_heap_new();
    CHECK(zc_heap_malloc(others_heap, HUGE_BYTES) != NULL);
    start_stopper(end_others_heap, &thread);
    forked = fork();
    if (forked == 0) {
        zc_stats_get(&stats, sizeof stats);
        CHECK_EQ(stats.heap_count, 0);
        child();
    }
    end_stopper(thread);
    zc_stats_get(&stats, sizeof stats);
    CHECK_EQ(stats.heap_count, 0);
}

#if !defined(__SANITIZE_THREAD__)
/* --- a private heap's lock is another's, while this thread has a span for it --------------------------- */

/* From so many spans on each is made resident at once, with most of its blocks left. */
enum { GROWN_MOST = 20000, GROWN_BYTES = 4096, GROWN_FIRST = 500 };

static struct zc_heap *grown;
static unsigned char *grown_blocks[GROWN_MOST];
static pthread_t grower;
static int is_growing, is_held, has_forked; /* atomic */

static void fork_in_handler(int signal_number)
{
    (void)signal_number;
    forked = fork();
    if (forked == 0)
        alarm(20);
    __atomic_store_n(&has_forked, 1, __ATOMIC_SEQ_CST);
}

/* The span's pages come from the OS, with the heap's lock free. Whoever takes it now keeps it until this thread,
 * which waits for it, has forked. */
static void let_other_hold(void)
{
    const struct private_list *list =
        &((struct private_heap *)grown)->lists[size_class_of(GROWN_BYTES)];
    if (!pthread_equal(pthread_self(), grower) || list->partial != NULL || list->empty != NULL)
        return;
    fake_os.on_call = NULL;
    __atomic_store_n(&is_growing, 1, __ATOMIC_SEQ_CST);
    while (!__atomic_load_n(&is_held, __ATOMIC_SEQ_CST))
        usleep(100);
}

static void *hold_and_interrupt(void *unused)
{
    struct private_heap *heap = (struct private_heap *)grown;
    while (!__atomic_load_n(&is_growing, __ATOMIC_SEQ_CST))
        usleep(100);
    lock_acquire(&heap->lock);
    __atomic_store_n(&is_held, 1, __ATOMIC_SEQ_CST);
    usleep(50000);
    pthread_kill(grower, SIGUSR1);
    while (!__atomic_load_n(&has_forked, __ATOMIC_SEQ_CST))
        usleep(100);
    lock_release(&heap->lock);
    return unused;
}

/* The interrupted call went on. A span on two lists would be given back with blocks in use. */
static void child_of_growth(size_t count)
{
    struct zc_heap_usage usage;
    zc_heap_collect(grown);
    zc_heap_stats(grown, &usage, sizeof usage);
    CHECK_EQ(usage.live_count, count);
    for (size_t i = 0; i < count; i++)
        CHECK(zc_heap_owns(grown, grown_blocks[i]) && grown_blocks[i][0] == (unsigned char)i);
    for (size_t i = 0; i < count; i++)
        zc_heap_free(grown, grown_blocks[i]);
    zc_heap_collect(grown);
    zc_heap_stats(grown, &usage, sizeof usage);
    CHECK_EQ(usage.held_bytes, 0);
    zc_heap_destroy(grown);
    _exit(check_failed_count != 0);
}

static void private_lock_held_by_other_and_span_by_self(void)
{
    pthread_t thread;
    size_t count = 0;
    int status = -1;
    signal(SIGUSR1, fork_in_handler);
    grown = zc_heap_new();
    grower = pthread_self();
    CHECK_EQ(pthread_create(&thread, NULL, hold_and_interrupt, NULL), 0);
    while (!__atomic_load_n(&has_forked, __ATOMIC_SEQ_CST) && count < GROWN_MOST) {
        if (count == GROWN_FIRST)
            fake_os.on_call = let_other_hold;
        grown_blocks[count] = zc_heap_malloc(grown, GROWN_BYTES);
        grown_blocks[count][0] = (unsigned char)count;
        count++;
    }
    if (forked == 0)
        child_of_growth(count);
    CHECK(count < GROWN_MOST);
    pthread_join(thread, NULL);
    waitpid(forked, &status, 0);
    CHECK_EQ(status, 0);
    zc_heap_destroy(grown);
}
#endif

int main(void)
{
    fake_os_install();
    /* Or a step of the collector is the call to the OS that is meant. */
    zci_options.gc_ms = 0;
    lock_of_page_heap_held_by_other();
    sweep_by_other_and_lock_held_by_self();
    limit_set_by_other();
    charges_by_other();
    charges_by_self();
    heap_ended_by_other();
#if !defined(__SANITIZE_THREAD__) /* its handlers wait until their thread calls libc */
    private_lock_held_by_other_and_span_by_self();
#endif
    return check_done();
}
