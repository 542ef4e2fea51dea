/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* fault_cost.c - see fault_cost.h. */
#include "central/fault_cost.h"

#include "base/atomic.h"
#include "base/bits.h"
#include "os/os.h"

#define HUGE_BYTES ((size_t)2 << 20)

/* One call in so many is an example, the first included. The thread's clock is a system call, and where more threads
 * than processors run it costs slices: it is there that the kernel finds that the thread's is over. */
#define EXAMPLE_EVERY 32

/* Fewer pages show what the system call takes rather than what they do. */
#define PAGES_LEAST 8

/* A fault that takes no longer than those of so many pages has not cleared 2 MiB: there was no huge page. */
#define MADE_PAGES 8

static bool is_measured;
/* Atomic, relaxed, both. */
static uint64_t call_count; /* of calls that may be examples; some may be missed */
static uint64_t page_ns;    /* a mean in which the last eight examples count most; 0: none yet */

void zci_fault_cost_init(bool is_wanted)
{
    is_measured = is_wanted;
    atomic_store_relaxed(&call_count, 0);
    atomic_store_relaxed(&page_ns, 0);
}

static bool is_example(size_t pages)
{
    if (!is_measured || pages < PAGES_LEAST)
        return false;
    uint64_t count = atomic_load_relaxed(&call_count);
    atomic_store_relaxed(&call_count, count + 1);
    return count % EXAMPLE_EVERY == 0;
}

void zci_fault_cost_populate(uint64_t start, size_t bytes)
{
    size_t pages = bytes / zci_os_page_bytes();
    if (!is_example(pages)) {
        (void)zci_os_populate((void *)start, bytes);
        return;
    }
    uint64_t before_ns = zci_os_thread_ns();
    if (!zci_os_populate((void *)start, bytes))
        return;
    uint64_t each_ns = (zci_os_thread_ns() - before_ns) / pages;
    uint64_t mean_ns = atomic_load_relaxed(&page_ns);
    atomic_store_relaxed(&page_ns, mean_ns == 0 ? each_ns : (7 * mean_ns + each_ns + 7) / 8);
}

bool zci_fault_cost_is_huge_cheap(uint64_t start)
{
    uint64_t before_ns = zci_os_thread_ns();
    zci_os_touch_huge((void *)start);
    uint64_t huge_ns = zci_os_thread_ns() - before_ns;
    uint64_t each_ns = atomic_load_relaxed(&page_ns);
    return each_ns == 0 || (huge_ns > MADE_PAGES * each_ns &&
                            huge_ns <= HUGE_BYTES / zci_os_page_bytes() * each_ns);
}
