/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* away_test.c - a fork while the system works on a free run for another thread, and nobody holds the page heap's lock:
 * the child has the run. Each case in a process of its own. */
#include "heap/bootstrap.h"
#include "support/fake_os_child.h"
#include "unit/page_runs.h"

#include <pthread.h>

static uint64_t unused_bytes_wanted;
static int status;
static bool has_forked;

static void *fork_and_look(void *unused)
{
    pid_t pid = fork();
    if (pid == 0) {
        struct page_heap_stats stats;
        zci_page_heap_stats(&stats);
        CHECK_EQ(stats.dirty_bytes + stats.clean_bytes, unused_bytes_wanted);
        CHECK_EQ(stats.used_bytes, unused_bytes_wanted);
        check_walk(0);
        /* It serves as any other. */
        struct span *span = take(80);
        CHECK(span != NULL);
        zci_page_heap_stats(&stats);
        CHECK_EQ(stats.used_bytes, unused_bytes_wanted);
        give(span);
        check_walk(0);
        _exit(check_failed_count != 0);
    }
    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
    return unused;
}

static void fork_elsewhere(void)
{
    pthread_t thread;
    if (has_forked)
        return;
    has_forked = true;
    CHECK_EQ(pthread_create(&thread, NULL, fork_and_look, NULL), 0);
    pthread_join(thread, NULL);
}

static void prepare(size_t granules)
{
    zci_bootstrap();
    struct span *span = take(granules);
    if (!CHECK(span != NULL))
        _exit(1);
    for (size_t i = 0; i < span_bytes(span); i += ZCI_GRANULE_BYTES)
        *(volatile char *)(span->start + i) = 1;
    give(span);
    struct page_heap_stats stats;
    zci_page_heap_stats(&stats);
    unused_bytes_wanted = stats.used_bytes;
    status = -1;
    fake_os.on_call = fork_elsewhere;
}

static void the_child_has_what_is_given_back(void)
{
    prepare(100);
    for (int step = 0; step < 100; step++)
        zci_page_heap_decay(50, 1000);
    CHECK(has_forked);
    CHECK_EQ(status, 0);
    check_walk(0);
    /* Nothing is away any more. */
    has_forked = false;
    status = -1;
    fork_elsewhere();
    CHECK_EQ(status, 0);
}

/* From a handler of the thread that gives back: it goes on with the run in the child, too. */
static void fork_here(void)
{
    if (has_forked)
        return;
    has_forked = true;
    pid_t pid = fork();
    if (pid == 0)
        return;
    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
}

static void the_one_who_forks_goes_on(void)
{
    prepare(100);
    fake_os.on_call = fork_here;
    for (int step = 0; step < 100; step++)
        zci_page_heap_decay(50, 1000);
    struct page_heap_stats stats;
    zci_page_heap_stats(&stats);
    CHECK_EQ(stats.clean_bytes, unused_bytes_wanted);
    check_walk(0);
    if (status == -1) /* the child */
        _exit(check_failed_count != 0);
    CHECK_EQ(status, 0);
}

int main(void)
{
    CHECK_EQ(fake_os_in_child(the_child_has_what_is_given_back), 0);
    CHECK_EQ(fake_os_in_child(the_one_who_forks_goes_on), 0);
    return check_done();
}
