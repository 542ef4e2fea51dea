/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* os_move_linux.c - see os_move_linux.h. */
#include "os/os_move_linux.h"

#include "base/atomic.h"
#include "base/bits.h"
#include "os/os.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif
#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

/* The kernel unmaps the place first and finds out later what else is wrong: what it left a hole is mapped again. Is the
 * address taken, there was no hole, or another thread's mmap was faster. That cannot be told apart; but after
 * is_one_mapping and may_map_again a hole means that the kernel had no memory for itself. */
static int move(void *from, void *to, size_t old_bytes, size_t new_bytes, int more_flags)
{
    if (mremap(from, old_bytes, new_bytes, MREMAP_MAYMOVE | MREMAP_FIXED | more_flags, to) !=
        MAP_FAILED)
        return 0;
    void *again = mmap(to, new_bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (again != MAP_FAILED && again != to) /* Linux before 4.17 takes the address for a hint */
        munmap(again, new_bytes);
    return -1;
}

/* Until Linux 6.17 only what the kernel sees as one mapping can be moved, and it says so (EFAULT) when the place is a
 * hole already. To grow by a page is refused by the same question first, then for want of room (ENOMEM), or it is done
 * and taken back. */
static bool is_one_mapping(char *start, size_t bytes)
{
    size_t page = zci_os_page_bytes();
    if (mremap(start, bytes, bytes + page, 0) != MAP_FAILED) {
        munmap(start + bytes, page);
        return true;
    }
    return errno != EFAULT;
}

/* So much of the range, from its start, is one mapping. */
static size_t first_mapping_bytes(char *start, size_t bytes)
{
    size_t page = zci_os_page_bytes();
    if (is_one_mapping(start, bytes))
        return bytes;
    size_t least = 1, beyond = bytes / page;
    while (beyond - least > 1) {
        size_t pages = least + (beyond - least) / 2;
        if (is_one_mapping(start, pages * page))
            least = pages;
        else
            beyond = pages;
    }
    return least * page;
}

/* Does MREMAP_DONTUNMAP (Linux 5.7) leave the source mapped? qemu's user emulation up to 7.2 accepts the flag and
 * takes the source for unmapped all the same. A call that is to write there tells without a fault; protecting it anew
 * would not: that maps it again in the emulator's eyes. */
static bool probe_keep_source(void)
{
    size_t page = zci_os_page_bytes();
    char *pair = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pair == MAP_FAILED)
        return false;
    bool works = move(pair, pair + page, page, page, MREMAP_DONTUNMAP) == 0 &&
                 syscall(SYS_clock_gettime, CLOCK_MONOTONIC, (void *)pair) == 0;
    munmap(pair, 2 * page);
    return works;
}

/* Without it there would be a hole for a moment, and another thread's mmap could land in it. */
static bool can_keep_source(void)
{
    static int answer; /* atomic: 0 not known, 1 yes, -1 no */
    int known = atomic_load_relaxed(&answer);
    if (known == 0) {
        known = probe_keep_source() ? 1 : -1;
        atomic_store_relaxed(&answer, known);
    }
    return known > 0;
}

/* Some things are asked anew with each so many-th wish to move pages. */
#define MOVES_UNTIL_LOOK 1024

/* On kernels that have no such tables the program may meet the file. */
static void with_own_files(void (*body)(void *), void *argument)
{
    if (!zci_os_with_own_files(body, argument, NULL))
        body(argument);
}

static void read_overcommit_mode(void *mode)
{
    long fd = syscall(SYS_openat, AT_FDCWD, "/proc/sys/vm/overcommit_memory", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)syscall(SYS_read, fd, mode, 1);
    (void)syscall(SYS_close, fd);
}

/* Where all memory that could be used is set apart (vm.overcommit_memory 2), another process may take what the place
 * gives up before the move takes it again. */
static bool is_memory_set_apart(void)
{
    static uint64_t wish_count; /* atomic */
    static bool is_set_apart;   /* atomic */
    if (atomic_add_64(&wish_count, 1) % MOVES_UNTIL_LOOK == 1) {
        char mode = '0';
        with_own_files(read_overcommit_mode, &mode);
        atomic_store_relaxed(&is_set_apart, mode == '2');
    }
    return atomic_load_relaxed(&is_set_apart);
}

static bool is_limited(int resource)
{
    struct rlimit limit;
    return getrlimit(resource, &limit) != 0 || limit.rlim_cur != RLIM_INFINITY;
}

/* A process that is beyond its limits, for they were set later, is refused what it maps again, and the place is a hole
 * by then. One that is not gets back what it gave up. */
static bool may_map_again(void)
{
    if (is_memory_set_apart())
        return false;
    if (!is_limited(RLIMIT_AS) && !is_limited(RLIMIT_DATA))
        return true;
    size_t page = zci_os_page_bytes();
    void *trial = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (trial != MAP_FAILED)
        munmap(trial, page);
    return trial != MAP_FAILED;
}

/* Pages that moved remain a mapping of their own to the kernel, also when they are free again. A process may have 65530
 * of them, or whatever vm.max_map_count says, and the program wants some: beyond a quarter nothing is moved. */
#define MAPPINGS_MOST 16384

/* false where nobody tells. */
static void has_few_mappings(void *answer)
{
    char text[1024];
    long fd = syscall(SYS_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC);
    long length = 0;
    size_t count = 0;
    while (fd >= 0 && count < MAPPINGS_MOST &&
           (length = syscall(SYS_read, fd, text, sizeof text)) > 0)
        for (long i = 0; i < length; i++)
            count += text[i] == '\n';
    if (fd >= 0)
        (void)syscall(SYS_close, fd);
    *(bool *)answer = count != 0 && count < MAPPINGS_MOST;
}

static bool may_split_mappings(void)
{
    static uint64_t wish_count; /* atomic */
    static bool has_too_many;   /* atomic */
    if (atomic_add_64(&wish_count, 1) % MOVES_UNTIL_LOOK == 0) {
        bool has_few = false;
        with_own_files(has_few_mappings, &has_few);
        atomic_store_relaxed(&has_too_many, !has_few);
    }
    return !atomic_load_relaxed(&has_too_many);
}

static size_t move_pages(char *from, char *to, size_t bytes)
{
    size_t done = 0;
    while (done < bytes && may_split_mappings()) {
        size_t piece = first_mapping_bytes(from + done, bytes - done);
        if (move(from + done, to + done, piece, piece, MREMAP_DONTUNMAP) != 0)
            break;
        done += piece;
    }
    return done;
}

size_t zci_os_linux_move_pages(void *from, void *to, size_t bytes)
{
    int error = errno;
    size_t done = can_keep_source() && may_map_again() ? move_pages(from, to, bytes) : 0;
    errno = error;
    return done;
}

/* In one go with its new length, so that what was moved stays one mapping; or, of several, all or none. */
int zci_os_linux_move_mapping(void *from, void *to, size_t old_bytes, size_t new_bytes)
{
    if (is_one_mapping(from, old_bytes))
        return may_map_again() ? move(from, to, old_bytes, new_bytes, 0) : -1;
    size_t done = zci_os_linux_move_pages(from, to, old_bytes);
    if (done != old_bytes) {
        memcpy(from, to, done);
        return -1;
    }
    munmap(from, old_bytes); /* or the address space is lost */
    return 0;
}
