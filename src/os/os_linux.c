/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* os_linux.c - os.h for Linux, glibc and musl.
 * Purging is MADV_DONTNEED: MADV_FREE leaves the pages in RSS until the kernel is short of memory. */
#include "base/atomic.h"
#include "os/os.h"
#include "os/os_move_linux.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* From the kernel's headers, which musl's compiler wrapper does not see. */
#define FUTEX_WAIT_PRIVATE 128
#define FUTEX_WAKE_PRIVATE 129

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

/* Without MAP_NORESERVE: with it the kernel would not ask either, when the memory becomes writable, whether there
 * can be so much. Until then nothing is charged. */
static void *native_reserve(void *hint, size_t bytes)
{
    void *start = mmap(hint, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return start == MAP_FAILED ? NULL : start;
}

static int native_make_writable(void *start, size_t bytes)
{
    return mprotect(start, bytes, PROT_READ | PROT_WRITE);
}

/* The class map, which only repeats what the spans say: gdb's gcore would write all 2 GiB of it. */
static int native_make_readable(void *start, size_t bytes)
{
    (void)madvise(start, bytes, MADV_DONTDUMP);
    return mprotect(start, bytes, PROT_READ);
}

/* As after mlockall(MCL_FUTURE): the program wants it so. */
static bool locks_new_mappings(void)
{
    size_t bytes = zci_os_page_bytes();
    void *page = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return true;
    bool is_locked = madvise(page, bytes, MADV_DONTNEED) != 0;
    munmap(page, bytes);
    return is_locked;
}

static int native_clear(void *start, size_t bytes)
{
    return madvise(start, bytes, MADV_DONTNEED);
}

/* A page that was locked (mlock) and freed so would keep all that is free beside it. */
static int native_purge(void *start, size_t bytes)
{
    int result = native_clear(start, bytes);
    if (result != 0 && errno == EINVAL && !locks_new_mappings() && munlock(start, bytes) == 0)
        result = native_clear(start, bytes);
    return result;
}

/* Linux 5.14; before it, and where memory is short, the pages come one by one as ever. The ranges are whole pages of
 * mappings that can be written to, so EINVAL says that this kernel does not know the call: it is not asked again. */
static int native_populate(void *start, size_t bytes)
{
    static bool is_unknown; /* atomic */
    if (atomic_load_relaxed(&is_unknown))
        return -1;
    int result = madvise(start, bytes, MADV_POPULATE_WRITE);
    if (result != 0 && errno == EINVAL)
        atomic_store_relaxed(&is_unknown, true);
    return result;
}

static int native_release(void *start, size_t bytes)
{
    return munmap(start, bytes);
}

static bool says_resident(void *page)
{
    unsigned char is_there = 0;
    return mincore(page, 1, &is_there) == 0 && (is_there & 1) != 0;
}

/* gVisor says so of every page. */
static bool probe_residence(void)
{
    size_t page_bytes = zci_os_page_bytes();
    void *page = mmap(NULL, page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    bool is_true = page != MAP_FAILED && !says_resident(page);
    if (page != MAP_FAILED)
        munmap(page, page_bytes);
    return is_true;
}

static bool native_is_resident(void *page)
{
    static int is_true; /* atomic: 0 not known, 1 yes, -1 no */
    int error = errno;
    int known = atomic_load_relaxed(&is_true);
    if (known == 0) {
        known = probe_residence() ? 1 : -1;
        atomic_store_relaxed(&is_true, known);
    }
    bool answer = known > 0 && says_resident(page);
    errno = error;
    return answer;
}

static int native_resize(void *start, size_t old_bytes, size_t new_bytes)
{
    return mremap(start, old_bytes, new_bytes, 0) == MAP_FAILED ? -1 : 0;
}

static int native_advise_huge(void *start, size_t bytes, bool is_welcome)
{
    return madvise(start, bytes, is_welcome ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
}

/* The text of a file of the kernel's, or as much of it as fits; errno stays. false: there is none. By system calls, for
 * libc's functions are points of cancellation. */
static bool read_text(const char *path, char *text, size_t bytes)
{
    int error = errno;
    long fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    long length = fd >= 0 ? syscall(SYS_read, fd, text, bytes - 1) : -1;
    if (fd >= 0)
        (void)syscall(SYS_close, fd);
    text[length > 0 ? length : 0] = '\0';
    errno = error;
    return length > 0;
}

/* Other sizes of page have other sizes of huge page. */
static bool native_has_huge_pages(void)
{
    char text[64];
    return sysconf(_SC_PAGESIZE) == 4096 && prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 0 &&
           read_text("/sys/kernel/mm/transparent_hugepage/enabled", text, sizeof text) &&
           strstr(text, "[never]") == NULL;
}

static void native_touch(void *start)
{
    *(volatile char *)start = 0;
}

static uint64_t native_thread_ns(void)
{
    struct timespec now = {0, 0};
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

const struct os_calls zci_os_calls_native = {
    .reserve = native_reserve,
    .make_writable = native_make_writable,
    .make_readable = native_make_readable,
    .purge = native_purge,
    .clear = native_clear,
    .populate = native_populate,
    .release = native_release,
    .move_pages = zci_os_linux_move_pages,
    .is_resident = native_is_resident,
    .move_mapping = zci_os_linux_move_mapping,
    .resize = native_resize,
    .advise_huge = native_advise_huge,
    .has_huge_pages = native_has_huge_pages,
    .touch = native_touch,
    .thread_ns = native_thread_ns,
};

/* Every address a process gets without asking for more. */
unsigned zci_os_address_bits(void)
{
#if defined(__x86_64__)
    return 47;
#else
    return 48;
#endif
}

void zci_os_wait(uint32_t *word, uint32_t expected)
{
    (void)syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, NULL, NULL, 0);
}

void zci_os_wait_for(uint32_t *word, uint32_t expected, uint32_t timeout_ms)
{
    const struct timespec timeout = {timeout_ms / 1000, (long)(timeout_ms % 1000) * 1000000};
    (void)syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, &timeout, NULL, 0);
}

uint64_t zci_os_clock_ms(void)
{
    struct timespec now = {0, 0};
    (void)clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void zci_os_wake_one(uint32_t *word)
{
    (void)syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* The second number of statm, in pages. */
static uint64_t resident_pages(void)
{
    char text[64];
    if (!read_text("/proc/self/statm", text, sizeof text))
        return 0;
    const char *at = text;
    uint64_t pages = 0;
    while (*at >= '0' && *at <= '9')
        at++;
    for (at += *at == ' '; *at >= '0' && *at <= '9'; at++)
        pages = pages * 10 + (uint64_t)(*at - '0');
    return pages;
}

void zci_os_usage(struct os_usage *usage)
{
    struct rusage resources;
    *usage = (struct os_usage){0};
    /* The kernel's own pages, whatever a test has set. */
    usage->resident_bytes = resident_pages() * (uint64_t)sysconf(_SC_PAGESIZE);
    if (getrusage(RUSAGE_SELF, &resources) != 0)
        return;
    usage->resident_peak_bytes = (uint64_t)resources.ru_maxrss * 1024;
    usage->minor_fault_count = (uint64_t)resources.ru_minflt;
    usage->major_fault_count = (uint64_t)resources.ru_majflt;
    /* The kernel notes the peak late. */
    if (usage->resident_peak_bytes < usage->resident_bytes)
        usage->resident_peak_bytes = usage->resident_bytes;
}

extern char **environ;

char *const *zci_os_environment(void)
{
    return environ;
}

bool zci_os_is_privileged(void)
{
    return getauxval(AT_SECURE) != 0;
}

static pthread_key_t exit_key;
static int exit_key_made;

bool zci_os_thread_exit_register(void (*hook)(void *))
{
    if (pthread_key_create(&exit_key, hook) != 0)
        return false;
    /* Pairs with zci_os_thread_exit_arm. */
    atomic_store_release(&exit_key_made, 1);
    return true;
}

bool zci_os_thread_exit_arm(void *argument)
{
    /* Pairs with zci_os_thread_exit_register. */
    return atomic_load_acquire(&exit_key_made) && pthread_setspecific(exit_key, argument) == 0;
}

void zci_os_fork_register(void (*child)(void))
{
    /* No prepare handler: nothing is locked across a fork, see src/heap/fork.c. */
    (void)pthread_atfork(NULL, NULL, child);
}
