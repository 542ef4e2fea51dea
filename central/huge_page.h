/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* huge_page.h - when to ask for a huge page: where a large heap grows by spans, which it fills.
 * Elsewhere the kernel is asked to make none: it would fill what the collector has given back.
 * Invariants: advice only. docs/design.md section 10 has what it gives.
 * Locking:    the page heap's.
 * Costs:      two system calls per 2 MiB of growth. */
#ifndef ZCI_CENTRAL_HUGE_PAGE_H
#define ZCI_CENTRAL_HUGE_PAGE_H

#include "base/bits.h"
#include "base/compiler.h"
#include "base/options.h"
#include "base/size_class.h"
#include "os/os.h"

/* A heap of this size will fill the next huge page too. In a smaller one the ends of spans that nobody touched
 * would count. */
#define HUGE_HEAP_BYTES ((uint64_t)64 << 20)
#define HUGE_PAGE_BYTES ((uint64_t)2 << 20)
#define HUGE_SPAN_MOST  4 /* granules; what is longer may be touched here and there only */

/* Where pages were asked for lately. Under the page heap's lock. */
struct huge_page_trail {
    uint64_t arena_start;
    uint64_t page; /* the last one asked for */
    uint64_t end; /* from the arena's first such page to here the kernel is to make none any more */
};

ZCI_INLINE void huge_page_refuse_to(struct huge_page_trail *trail, uint64_t end)
{
    if (end > trail->end)
        zci_os_advise_huge((void *)trail->end, end - trail->end, false);
    trail->end = end;
}

/* What was asked for two pages ago was touched by now, or never will be densely, and is refused from here on. In one
 * piece, for each change of advice along an arena costs a mapping. */
ZCI_INLINE void huge_page_follow(struct huge_page_trail *trail, uint64_t arena_start, uint64_t page)
{
    if (trail->arena_start == arena_start && page >= trail->end) {
        huge_page_refuse_to(trail, page - min_size(page - trail->end, HUGE_PAGE_BYTES));
        trail->page = page;
        return;
    }
    if (trail->arena_start != 0)
        huge_page_refuse_to(trail, trail->page + HUGE_PAGE_BYTES);
    *trail = (struct huge_page_trail){arena_start, page, page};
}

/* A heap of so many bytes grew by the run from start to end: if that entered a huge page, it is asked for. */
ZCI_INLINE void huge_page_welcome(struct huge_page_trail *trail, uint64_t heap_bytes,
                                  uint64_t arena_start, uint64_t start, uint64_t end)
{
    uint64_t page = (end - 1) & ~(HUGE_PAGE_BYTES - 1);
    if (zci_options.huge_pages != 1 || heap_bytes < HUGE_HEAP_BYTES ||
        (end - start) >> ZCI_GRANULE_SHIFT > HUGE_SPAN_MOST || page < start)
        return;
    zci_os_advise_huge((void *)page, HUGE_PAGE_BYTES, true);
    huge_page_follow(trail, arena_start, page);
}

ZCI_INLINE void huge_page_welcome_arena(void *start, size_t bytes)
{
    if (zci_options.huge_pages > 1)
        zci_os_advise_huge(start, bytes, true);
}

#endif
