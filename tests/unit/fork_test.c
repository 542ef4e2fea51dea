/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* fork_test.c - forks while another thread is stopped in the middle of the page heap, lock held. The
 * child has no such thread; its heap must work all the same, and know all its free runs. */
#include "central/page_heap.h"
#include "support/check.h"
#include "support/fake_os.h"
#include "zcmalloc.h"

#include <pthread.h>
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

int main(void)
{
    pthread_t thread;
    fake_os_install();
    /* Some free runs, then a thread that gets stuck giving them back. */
    void *a = zc_malloc(5 << 20);
    void *b = zc_malloc(1 << 20);
    memset(a, 1, 5 << 20);
    zc_free(a);
    fake_os.on_call = stop_in_os_call;
    CHECK_EQ(pthread_create(&thread, NULL, release_pages, NULL), 0);
    while (!__atomic_load_n(&stopper_is_inside, __ATOMIC_SEQ_CST))
        usleep(1000);
    pid_t pid = fork();
    if (pid == 0)
        child();
    int status = -1;
    waitpid(pid, &status, 0);
    CHECK_EQ(status, 0);
    __atomic_store_n(&stopper_may_go, 1, __ATOMIC_SEQ_CST);
    pthread_join(thread, NULL);
    zc_free(b);
    return check_done();
}
