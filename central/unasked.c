/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* unasked.c - see unasked.h. */
#include "central/unasked.h"

#include "base/bits.h"
#include "os/os.h"

/* What a page table maps, or a huge page. Where the system's are longer it is as much as is worth asking for. */
#define HUGE_BYTES ((size_t)2 << 20)

#define PAUSE_MOST 63

/* Atomic, relaxed, both; threads may miss each other's. */
static uint32_t pause_length; /* looks to be left out after the next in vain */
static uint32_t pause_left;

/* How far the clean run reaches that the address lies in, on either side; 0 if there is none. For the time being. */
ZCI_READS_RACILY static uint64_t clean_reach(uint64_t address, bool is_end)
{
    const struct span *span = pagemap_get(address);
    if (span == NULL || span_state(span) != SPAN_FREE || !span->clean)
        return 0;
    return is_end ? span_end(span) : span->start;
}

static bool is_paused(void)
{
    uint32_t left = atomic_load_relaxed(&pause_left);
    if (left != 0)
        atomic_store_relaxed(&pause_left, left - 1);
    return left != 0;
}

static void note_look(bool has_found)
{
    uint32_t pause = has_found ? 0 : atomic_load_relaxed(&pause_length) * 2 + 1;
    if (pause > PAUSE_MOST)
        pause = PAUSE_MOST;
    atomic_store_relaxed(&pause_length, pause);
    atomic_store_relaxed(&pause_left, pause);
}

/* Both ends of [start, end): the page that is next to the run, by itself, may be in a larger one of some KiB. */
static size_t look(uint64_t start, uint64_t end, bool is_sure)
{
    if (start >= end || (!is_sure && is_paused()))
        return 0;
    bool is_resident = zci_os_is_resident((void *)start) && zci_os_is_resident((void *)(end - 1));
    if (!is_sure || is_resident)
        note_look(is_resident);
    return is_resident ? (end - start) >> ZCI_GRANULE_SHIFT : 0;
}

struct unasked zci_unasked_look(const struct span *span, bool is_sure)
{
    uint64_t start = span->start;
    uint64_t end = span_end(span);
    uint64_t first = align_down(start, HUGE_BYTES);
    uint64_t last = align_up(end, HUGE_BYTES);
    struct unasked found = {0, 0};
    uint64_t reach;
    if (first != start && (reach = clean_reach(start - 1, false)) != 0)
        found.before = look(max_size(first, reach), start, is_sure);
    if (last != end && (reach = clean_reach(end, true)) != 0)
        found.behind = look(end, min_size(last, reach), is_sure);
    return found;
}

struct span *zci_unasked_carve(struct free_runs *runs, uint64_t address, size_t granules,
                               bool is_end)
{
    struct span *run = granules != 0 ? pagemap_get(address) : NULL;
    if (run == NULL || span_state(run) != (enum span_state)runs->state ||
        !span_covers(run, address) || !run->clean)
        return NULL;
    granules = min_size(granules, run->granules);
    return zci_free_runs_carve(runs, run, is_end ? run->granules - granules : 0, granules);
}
