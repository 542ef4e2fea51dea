/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* os_posix.c - the parts of os.h that all systems with mmap and pthreads share. */
#include "base/atomic.h"
#include "base/bits.h"
#include "os/os.h"

#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

const struct os_calls *zci_os_calls = &zci_os_calls_native;

static struct os_call_stats call_stats[OS_CALL_KINDS]; /* atomic */
static size_t page_bytes;

/* Beside a system call, two locked instructions are nothing. */
static bool count(enum os_call kind, size_t bytes, bool is_done)
{
    struct os_call_stats *stats = &call_stats[kind];
    atomic_add_64(&stats->count, 1);
    atomic_add_64(is_done ? &stats->bytes : &stats->fail_count, is_done ? bytes : 1);
    return is_done;
}

void zci_os_call_stats(enum os_call kind, struct os_call_stats *stats)
{
    stats->count = atomic_load_relaxed(&call_stats[kind].count);
    stats->fail_count = atomic_load_relaxed(&call_stats[kind].fail_count);
    stats->bytes = atomic_load_relaxed(&call_stats[kind].bytes);
}

size_t zci_os_page_bytes(void)
{
    size_t bytes = atomic_load_relaxed(&page_bytes);
    if (bytes == 0) {
        long answer = sysconf(_SC_PAGESIZE);
        bytes = answer > 0 ? (size_t)answer : 4096;
        atomic_store_relaxed(&page_bytes, bytes);
    }
    return bytes;
}

void zci_os_set_page_bytes(size_t bytes)
{
    atomic_store_relaxed(&page_bytes, bytes);
}

/* Darwin has the name, and limits nothing by it. */
uint64_t zci_os_address_space_limit(void)
{
#if !defined(__APPLE__)
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        return limit.rlim_cur;
#endif
    return UINT64_MAX;
}

static void *reserve(size_t bytes)
{
    void *start = zci_os_calls->reserve(NULL, bytes);
    return count(OS_RESERVE, bytes, start != NULL) ? start : NULL;
}

static void *reserve_aligned(size_t bytes, size_t alignment)
{
    void *start = zci_os_calls->reserve_aligned(bytes, alignment);
    return count(OS_RESERVE, bytes, start != NULL) ? start : NULL;
}

/* The kernel often hands out the next lower addresses, so a plain request is tried first: it is aligned
 * already when the request before it was a multiple of the alignment. */
void *zci_os_reserve(size_t bytes, size_t alignment)
{
    if (zci_os_calls->reserve_aligned != NULL)
        return reserve_aligned(bytes, alignment);
    char *start = reserve(bytes);
    if (start == NULL || ((uintptr_t)start & (alignment - 1)) == 0)
        return start;
    zci_os_release(start, bytes);
    size_t padded_bytes;
    if (__builtin_add_overflow(bytes, alignment, &padded_bytes))
        return NULL;
    start = reserve(padded_bytes);
    if (start == NULL)
        return NULL;
    char *aligned = (char *)align_up((uintptr_t)start, alignment);
    size_t head_bytes = (size_t)(aligned - start);
    size_t tail_bytes = padded_bytes - head_bytes - bytes;
    /* A part that cannot be given back (no room for another mapping) costs address space only. */
    if (head_bytes != 0)
        zci_os_release(start, head_bytes);
    if (tail_bytes != 0)
        zci_os_release(aligned + bytes, tail_bytes);
    return aligned;
}

bool zci_os_make_readable(void *start, size_t bytes)
{
    return count(OS_PROTECT, bytes, zci_os_calls->make_readable(start, bytes) == 0);
}

bool zci_os_commit(void *start, size_t bytes)
{
    return count(OS_COMMIT, bytes, zci_os_calls->make_writable(start, bytes) == 0);
}

bool zci_os_purge(void *start, size_t bytes)
{
    return count(OS_PURGE, bytes, zci_os_calls->purge(start, bytes) == 0);
}

bool zci_os_clear(void *start, size_t bytes)
{
    return zci_os_calls->clear != NULL &&
           count(OS_PURGE, bytes, zci_os_calls->clear(start, bytes) == 0);
}

bool zci_os_purge_needs_reuse(void)
{
    return zci_os_calls->reuse != NULL;
}

/* The pages are charged to the process again, as by a commit. */
void zci_os_reuse(void *start, size_t bytes)
{
    if (zci_os_calls->reuse != NULL)
        (void)count(OS_COMMIT, bytes, zci_os_calls->reuse(start, bytes) == 0);
}

bool zci_os_populate(void *start, size_t bytes)
{
    return count(OS_POPULATE, bytes, zci_os_calls->populate(start, bytes) == 0);
}

void zci_os_advise_huge(void *start, size_t bytes, bool is_welcome)
{
    if (zci_os_calls->advise_huge != NULL)
        (void)zci_os_calls->advise_huge(start, bytes, is_welcome);
}

bool zci_os_has_huge_pages(void)
{
    return zci_os_calls->has_huge_pages != NULL && zci_os_calls->has_huge_pages();
}

void zci_os_touch_huge(void *start)
{
    if (zci_os_calls->touch != NULL)
        zci_os_calls->touch(start);
}

uint64_t zci_os_thread_ns(void)
{
    return zci_os_calls->thread_ns != NULL ? zci_os_calls->thread_ns() : 0;
}

/* What lies in the middle of what the kernel sees as one mapping cannot be cut out where there are as many as may be.
 * Its pages can go all the same. */
bool zci_os_release(void *start, size_t bytes)
{
    if (count(OS_RELEASE, bytes, zci_os_calls->release(start, bytes) == 0))
        return true;
    (void)zci_os_purge(start, bytes);
    return false;
}

size_t zci_os_move_pages(void *from, void *to, size_t bytes)
{
    if (!zci_os_moves_pages())
        return 0;
    size_t moved = zci_os_calls->move_pages(from, to, bytes);
    (void)count(OS_MOVE, moved, moved != 0);
    return moved;
}

bool zci_os_moves_pages(void)
{
    return zci_os_calls->move_pages != NULL;
}

bool zci_os_is_resident(void *address)
{
    void *page = (void *)align_down((uintptr_t)address, zci_os_page_bytes());
    return zci_os_calls->is_resident != NULL && zci_os_calls->is_resident(page);
}

bool zci_os_move_mapping(void *from, void *to, size_t old_bytes, size_t new_bytes)
{
    return count(OS_MOVE, old_bytes,
                 zci_os_calls->move_mapping(from, to, old_bytes, new_bytes) == 0);
}

bool zci_os_resize(void *start, size_t old_bytes, size_t new_bytes)
{
    size_t bytes = old_bytes < new_bytes ? new_bytes - old_bytes : old_bytes - new_bytes;
    return count(OS_RESIZE, bytes, zci_os_calls->resize(start, old_bytes, new_bytes) == 0);
}

/* Small, rather than what is usual: it calls nothing of the program, and a large stack may be made of huge pages, or
 * locked in memory. */
#define OWN_STACK_BYTES ((size_t)128 << 10)

bool zci_os_thread_start(void *(*body)(void *))
{
    pthread_t thread;
    pthread_attr_t attributes;
    sigset_t all, before;
    if (pthread_attr_init(&attributes) != 0)
        return false;
    sigfillset(&all);
    bool done = pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED) == 0;
    (void)pthread_attr_setstacksize(
        &attributes, OWN_STACK_BYTES + align_up(zci_os_stack_tls_bytes(), zci_os_page_bytes()));
    if (done && pthread_sigmask(SIG_SETMASK, &all, &before) == 0) {
        done = pthread_create(&thread, &attributes, body, NULL) == 0;
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    pthread_attr_destroy(&attributes);
    return done;
}
