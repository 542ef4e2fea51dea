/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* process_size.h - sizes and limits of the running process, read without stdio or malloc.
 * Invariants: a size is 0 where the system does not tell (no /proc).
 * Costs:      one open, read and close each. */
#ifndef TESTS_SUPPORT_PROCESS_SIZE_H
#define TESTS_SUPPORT_PROCESS_SIZE_H

#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

/* TESTS_EMULATED: the program runs inside an emulator of another machine, whose own memory is
 * counted as the program's, and which may not survive a new thread in the child of a process
 * with threads. */
#ifndef TESTS_EMULATED
#define TESTS_EMULATED 0
#endif

/* The first number of a small file, or that behind the given count of blanks; 0 if it cannot be
 * read. */
static inline size_t process_file_number(const char *path, int blanks)
{
    char text[128];
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return 0;
    ssize_t length = read(file, text, sizeof text - 1);
    close(file);
    if (length <= 0)
        return 0;
    text[length] = '\0';
    const char *at = text;
    for (; blanks > 0 && at != NULL; blanks--)
        at = strchr(at + (at != text), ' ');
    return at == NULL ? 0 : (size_t)strtoull(at, NULL, 10);
}

static inline size_t process_virtual_bytes(void)
{
    return process_file_number("/proc/self/statm", 0) * (size_t)sysconf(_SC_PAGESIZE);
}

static inline size_t process_resident_bytes(void)
{
    return process_file_number("/proc/self/statm", 1) * (size_t)sysconf(_SC_PAGESIZE);
}

/* Whether the resident size has not grown by this much since it was before; true where nobody
 * can tell. */
static inline int process_stayed_below(size_t before, size_t growth)
{
    return TESTS_EMULATED || process_resident_bytes() < before + growth;
}

/* Whether the system really refuses this much more address space; an emulator may just say so. */
static inline int process_growth_is_refused(size_t more)
{
    void *probe = mmap(NULL, more, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (probe == MAP_FAILED)
        return 1;
    munmap(probe, more);
    return 0;
}

/* Lets private writable memory grow by at most more bytes from now on; 0 if that cannot be arranged. */
static inline int process_limit_data(size_t more)
{
    size_t now = process_file_number("/proc/self/statm", 5) * (size_t)sysconf(_SC_PAGESIZE);
    struct rlimit low = {(rlim_t)(now + more), RLIM_INFINITY};
    if (now == 0 || setrlimit(RLIMIT_DATA, &low) != 0)
        return 0;
    void *probe = mmap(NULL, 2 * more, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (probe == MAP_FAILED)
        return 1;
    munmap(probe, 2 * more);
    return 0;
}

/* Lets the address space grow by at most more bytes from now on; 0 if that cannot be arranged. */
static inline int process_limit_growth(size_t more, struct rlimit *old)
{
    size_t now = process_virtual_bytes();
    if (now == 0 || getrlimit(RLIMIT_AS, old) != 0)
        return 0;
    struct rlimit low = {(rlim_t)(now + more), old->rlim_max};
    if (setrlimit(RLIMIT_AS, &low) != 0)
        return 0;
    if (process_growth_is_refused(more + ((size_t)1 << 20)))
        return 1;
    setrlimit(RLIMIT_AS, old);
    return 0;
}

#endif
