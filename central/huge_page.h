/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* huge_page.h - when to ask for a huge page: where a large heap grows by spans, which it fills.
 * Invariants: advice only. docs/design.md section 10 has what it gives.
 * Locking:    none.
 * Costs:      a system call per 2 MiB of growth. */
#ifndef ZCI_CENTRAL_HUGE_PAGE_H
#define ZCI_CENTRAL_HUGE_PAGE_H

#include "base/compiler.h"
#include "base/options.h"
#include "base/size_class.h"
#include "os/os.h"

/* A heap of this size will fill the next huge page too. In a smaller one the ends of spans that nobody touched
 * would count. */
#define HUGE_HEAP_BYTES ((uint64_t)64 << 20)
#define HUGE_PAGE_BYTES ((uint64_t)2 << 20)
#define HUGE_SPAN_MOST  4 /* granules; what is longer may be touched here and there only */

/* A heap of so many bytes grew by the run from start to end: if that entered a huge page, it is asked for. */
ZCI_INLINE void huge_page_welcome(uint64_t heap_bytes, uint64_t start, uint64_t end)
{
    uint64_t page = (end - 1) & ~(HUGE_PAGE_BYTES - 1);
    if (zci_options.huge_pages == 1 && heap_bytes >= HUGE_HEAP_BYTES &&
        (end - start) >> ZCI_GRANULE_SHIFT <= HUGE_SPAN_MOST && page >= start)
        zci_os_advise_huge((void *)page, HUGE_PAGE_BYTES);
}

ZCI_INLINE void huge_page_welcome_arena(void *start, size_t bytes)
{
    if (zci_options.huge_pages > 1)
        zci_os_advise_huge(start, bytes);
}

#endif
