/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* thread_registry_test.c - caches of threads that are gone: parked, emptied, used again. */
#include "base/options.h"
#include "os/os.h"
#include "support/check.h"
#include "thread_cache/thread_idle.h"
#include "thread_cache/thread_registry.h"
#include "zcmalloc.h"

#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

enum { MANY = 40, BLOCKS = 100, MARK = 99, LATE = 200 };

static pthread_barrier_t barrier;
static void *blocks[BLOCKS];
static struct zc_heap *heap;

static void work(void)
{
    void *held[BLOCKS];
    for (int i = 0; i < BLOCKS; i++)
        held[i] = zc_malloc(1000);
    for (int i = 0; i < BLOCKS; i++)
        zc_free(held[i]);
}

static void *work_together(void *unused)
{
    work();
    pthread_barrier_wait(&barrier);
    return unused;
}

static void many_threads_die(void)
{
    pthread_t threads[MANY];
    CHECK_EQ(pthread_barrier_init(&barrier, NULL, MANY), 0);
    for (int i = 0; i < MANY; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, work_together, NULL), 0);
    for (int i = 0; i < MANY; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&barrier);
}

/* Calls visit for each parked cache; how many. */
static int for_parked(void (*visit)(struct thread_cache *))
{
    int count = 0;
    for (struct thread_cache *cache = *zci_thread_registry_list(); cache != NULL;
         cache = cache->next) {
        if (cache->state != CACHE_PARKED)
            continue;
        visit(cache);
        count++;
    }
    return count;
}

/* A flush takes the mark away. */
static void mark(struct thread_cache *cache)
{
    CHECK_EQ(zci_thread_cache_bytes(cache), 0);
    cache->shelves[1].refill = MARK;
}

static void has_mark(struct thread_cache *cache)
{
    CHECK_EQ(cache->shelves[1].refill, MARK);
}

/* There may be thousands, and each tick comes by. */
static void parked_caches_are_emptied_once(void)
{
    many_threads_die();
    zci_thread_registry_flush_parked(UINT64_MAX);
    CHECK_EQ(for_parked(mark), MANY);
    zci_thread_registry_flush_parked(UINT64_MAX);
    CHECK_EQ(for_parked(has_mark), MANY);
}

static void *work_alone(void *bytes_found)
{
    zc_free(zc_malloc(16));
    *(uint64_t *)bytes_found = zci_thread_cache_bytes(thread_cache_get());
    work();
    return thread_cache_get();
}

/* A thread that is born takes blocks if there are any, however many caches wait without. */
static void full_ones_are_adopted_first(void)
{
    pthread_t thread;
    uint64_t bytes[2];
    void *caches[2];
    zci_thread_registry_flush_parked(UINT64_MAX);
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(pthread_create(&thread, NULL, work_alone, &bytes[i]), 0);
        pthread_join(thread, &caches[i]);
    }
    CHECK(caches[0] == caches[1]);
    CHECK(bytes[0] < 1000 && bytes[1] > bytes[0] + 1000);
}

/* Of a thread that frees a few blocks and nothing else, which may be after its last destructor. */
static void *free_few(void *unused)
{
    zc_free(blocks[0]);
    zc_free(blocks[1]);
    zc_heap_free(heap, blocks[2]);
    CHECK(!thread_cache_is_open(thread_cache_get()));
    return unused;
}

static void *free_many(void *unused)
{
    for (int i = 0; i < THREAD_FIRST_FREES + 1; i++)
        zc_free(blocks[i]);
    CHECK(thread_cache_is_open(thread_cache_get()));
    return unused;
}

static void first_frees_bring_no_cache(void)
{
    pthread_t thread;
    heap = zc_heap_new();
    CHECK(heap != NULL);
    blocks[0] = zc_malloc(64);
    blocks[1] = zc_malloc(300000);
    blocks[2] = zc_heap_malloc(heap, 64);
    CHECK_EQ(pthread_create(&thread, NULL, free_few, NULL), 0);
    pthread_join(thread, NULL);
    zc_heap_destroy(heap);
    for (int i = 0; i < BLOCKS; i++)
        blocks[i] = zc_malloc(64);
    CHECK_EQ(pthread_create(&thread, NULL, free_many, NULL), 0);
    pthread_join(thread, NULL);
    for (int i = THREAD_FIRST_FREES + 1; i < BLOCKS; i++)
        zc_free(blocks[i]);
}

/* The sanitizer does not see threads end, and nothing of it may run in the last round of destructors. */
#if !ZCI_SANITIZE_THREAD

static pthread_key_t key;
static uint32_t number_of_last;
static struct thread_cache *cache_of_last;

/* In the last round but one: too late for the exit hook, which wants to run twice more. */
static void work_late(void *round)
{
    if (++*(int *)round < PTHREAD_DESTRUCTOR_ITERATIONS - 1) {
        CHECK_EQ(pthread_setspecific(key, round), 0);
        return;
    }
    work();
    cache_of_last = thread_cache_get();
}

static void *end_late(void *round)
{
    CHECK_EQ(pthread_setspecific(key, round), 0);
    *(int *)round = 0;
    number_of_last = zci_os_thread_number();
    return NULL;
}

/* The system lets go of a thread a moment after it can be joined. */
static bool last_is_gone(void)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    for (int i = 0; i < 5000; i++) {
        if (zci_os_thread_is_gone(number_of_last))
            return true;
        nanosleep(&pause, NULL);
    }
    return false;
}

static bool one_ends_late(void)
{
    pthread_t thread;
    int round;
    CHECK_EQ(pthread_create(&thread, NULL, end_late, &round), 0);
    pthread_join(thread, NULL);
    return CHECK(last_is_gone());
}

static bool reap_last(void)
{
    lock_acquire(&zci_collector_lock);
    bool is_reaped = zci_thread_registry_reap(cache_of_last);
    lock_release(&zci_collector_lock);
    return is_reaped;
}

static int count_caches(void)
{
    int count = 0;
    for (struct thread_cache *cache = *zci_thread_registry_list(); cache != NULL;
         cache = cache->next)
        count++;
    return count;
}

static void caches_without_a_hook_are_used_again(void)
{
    int before = count_caches();
    for (int i = 0; i < LATE; i++)
        if (!one_ends_late())
            return;
    /* Some more until a birth comes by. */
    CHECK(count_caches() <= before + 4);
    lock_acquire(&zci_collector_lock);
    zci_thread_idle_collect(UINT64_MAX / 2, 0, 1000);
    lock_release(&zci_collector_lock);
    CHECK_EQ(zci_thread_registry_live_count(), 1);
}

/* What is in there nobody knows. */
static void who_ends_in_a_call_leaves_an_orphan(void)
{
    if (!one_ends_late())
        return;
    atomic_store_relaxed(&cache_of_last->is_busy, 1);
    CHECK(reap_last());
    CHECK_EQ(cache_of_last->state, CACHE_ORPHANED);
    CHECK_EQ(zci_thread_registry_live_count(), 1);
}

/* There the other threads' numbers say nothing. */
static void a_child_without_handlers_reaps_none(void)
{
    int status = -1;
    if (!one_ends_late())
        return;
    CHECK_EQ(cache_of_last->state, CACHE_LIVE);
    pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (child == 0)
        _exit(reap_last());
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    CHECK(reap_last());
}

/* The child of a vfork shares its thread's memory, and so gets the thread's cache, but has a number of its own. */
static void *vfork_first(void *unused)
{
    int status = -1;
    blocks[0] = NULL;
    pid_t child = vfork();
    if (child == 0) {
        blocks[0] = zc_malloc(64);
        _exit(0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    if (blocks[0] == NULL) {
        check_skip("an emulator makes vfork a fork");
        return unused;
    }
    zc_free(blocks[0]);
    cache_of_last = thread_cache_get();
    CHECK(thread_cache_is_open(cache_of_last));
    CHECK(!reap_last());
    CHECK_EQ(cache_of_last->state, CACHE_LIVE);
    return unused;
}

static void a_vfork_childs_number_is_not_its_threads(void)
{
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, vfork_first, NULL), 0);
    pthread_join(thread, NULL);
    CHECK_EQ(cache_of_last->state, CACHE_PARKED);
}

#endif

int main(void)
{
    zc_free(zc_malloc(1));
    zci_options.gc_ms = 0; /* no looks but these */
    RUN(parked_caches_are_emptied_once);
    RUN(full_ones_are_adopted_first);
    RUN(first_frees_bring_no_cache);
#if !ZCI_SANITIZE_THREAD
    /* After the first malloc, so behind the exit hook's. */
    CHECK_EQ(pthread_key_create(&key, work_late), 0);
    RUN(caches_without_a_hook_are_used_again);
    RUN(who_ends_in_a_call_leaves_an_orphan);
    RUN(a_child_without_handlers_reaps_none);
    RUN(a_vfork_childs_number_is_not_its_threads);
#endif
    return check_done();
}
