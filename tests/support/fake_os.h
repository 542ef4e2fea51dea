/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* fake_os.h - an operating system with limits and faults, in front of the real one.
 * Invariants: installed through zci_os_calls before the first allocation of the process.
 * Locking:    the counters are atomic. */
#ifndef TESTS_SUPPORT_FAKE_OS_H
#define TESTS_SUPPORT_FAKE_OS_H

#include "os/os.h"

#include <stdint.h>

struct fake_os {
    long fail_at;           /* the n-th call fails (from 1); 0: none */
    long fail_count;        /* this many in a row; -1: all from there on */
    uint64_t address_limit; /* no reservation reaches above; 0: no limit */
    uint64_t bytes_limit;   /* address space that may be reserved; 0: no limit */
    int fail_release;       /* every release fails, as with max_map_count exhausted */
    int fail_move;          /* a kernel without MREMAP_DONTUNMAP */
    int has_huge_pages;     /* where they are welcome; else there are none */
    uint64_t page_ns;       /* what making a page resident takes by zci_os_thread_ns, */
    uint64_t huge_ns;       /* and the touch of a huge one; 0: as any other */
    uint64_t now_ns;        /* that clock, of all threads together; atomic */
    void (*on_huge)(uintptr_t start, size_t bytes, bool is_welcome); /* before each such advice */
    void (*on_touch)(uintptr_t start); /* before the touch of a huge page */
    void (*on_call)(void);             /* before each other call */
    long call_count;                   /* atomic */
    int64_t reserved_bytes;            /* atomic: reserved less released */
};

extern struct fake_os fake_os;

void fake_os_install(void);

#endif
