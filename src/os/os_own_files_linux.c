/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* os_own_files_linux.c - an entry of os.h: runs a function where the files that it opens are nobody else's.
 * Whichever thread of the program calls malloc or free may be the one that looks at others in /proc. Were these files
 * in the program's table, a fork at that moment would hand them on, memory of the process to read among them, a program
 * that closes all that it does not know would have its next file closed by us, and one that closes 0 to have its next
 * open return 0 would get another number.
 * So it is done by a thread of the kernel's, not of libc's, that lives as long as it takes. It has the variables of the
 * caller, which waits, so all locks and caches are as if the caller itself did it; but it leaves the program's table
 * first, without copying it. (Kernels up to about 6.11 copy the first 64 files and close them at once, as a child would
 * before it goes on to another program: locks of any kind stay, but NFS and FUSE pass on what was written.)
 * Costs:      some ten microseconds, and eight system calls. */
#include "base/atomic.h"
#include "os/os.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* From the kernel's headers. */
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#define OWN_TABLE  2 /* CLOSE_RANGE_UNSHARE */
#define FUTEX_WAIT 0

/* Those of pthread_create: sandboxes know them. */
#define THREAD_FLAGS                                                                               \
    (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |            \
     CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID)

struct job {
    void (*body)(void *);
    void *argument;
    bool is_done;
};

static void *thread_pointer(void)
{
#if defined(__x86_64__)
    void *pointer;
    __asm__("mov %%fs:0, %0" : "=r"(pointer));
    return pointer;
#else
    return __builtin_thread_pointer();
#endif
}

static int run(void *argument)
{
    struct job *job = argument;
    if (syscall(SYS_close_range, 0U, ~0U, OWN_TABLE) != 0)
        return 1;
    job->body(job->argument);
    job->is_done = true;
    return 0;
}

static void run_and_wait(struct job *job, char *stack)
{
    uint32_t number = 1; /* the kernel's: 0 when the thread is gone */
    uint32_t now;
    if (clone(run, stack + OS_OWN_FILES_STACK_BYTES, THREAD_FLAGS, job, &number, thread_pointer(),
              &number) < 0)
        return;
    /* Pairs with the kernel's store, behind all that the thread did. */
    while ((now = atomic_load_acquire(&number)) != 0)
        syscall(SYS_futex, &number, FUTEX_WAIT, now, NULL, NULL, 0);
}

/* Those that an instruction causes: blocked, they end the process. */
static uint64_t own_signals(void)
{
    static const int numbers[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS};
    uint64_t signals = 0;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        signals |= (uint64_t)1 << (numbers[i] - 1);
    return signals;
}

bool zci_os_with_own_files(void (*body)(void *), void *argument, void *stack)
{
    struct job job = {.body = body, .argument = argument};
    if (ZCI_SANITIZE_THREAD)
        return false; /* to it two threads with the same variables are one */
    int saved = errno;
    uint64_t mask = ~own_signals();
    uint64_t before;
    void *mapped = stack != NULL ? NULL
                                 : mmap(NULL, OS_OWN_FILES_STACK_BYTES, PROT_READ | PROT_WRITE,
                                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    /* Not libc's: it leaves two signals of its own out. */
    if (mapped != MAP_FAILED &&
        syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, &before, sizeof mask) == 0) {
        run_and_wait(&job, stack != NULL ? stack : mapped);
        syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof before);
    }
    if (mapped != NULL && mapped != MAP_FAILED)
        munmap(mapped, OS_OWN_FILES_STACK_BYTES);
    errno = saved;
    return job.is_done;
}
