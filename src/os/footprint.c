/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* footprint.c - see footprint.h. */
#include "os/footprint.h"

#include "base/atomic.h"

/* How far a program may go beyond its soft limit before it is collected again: a sixteenth of the limit. */
#define SOFT_STEP_SHIFT 4
#define SOFT_STEP_LEAST ((uint64_t)1 << 20)

static uint64_t current_bytes ZCI_LINE;
static uint64_t peak_bytes;

/* Read by each growth, written almost never. */
static struct {
    uint64_t hard;
    uint64_t soft;
    uint64_t tolerated; /* >= soft: what is refused today */
    uint64_t suspended; /* retries under way */
} limits ZCI_LINE = {
    .hard = FOOTPRINT_NO_LIMIT, .soft = FOOTPRINT_NO_LIMIT, .tolerated = FOOTPRINT_NO_LIMIT};

void zci_footprint_settle(void)
{
    uint64_t now = atomic_load_relaxed(&current_bytes);
    uint64_t peak = atomic_load_relaxed(&peak_bytes);
    while (now > peak && !atomic_cas_64(&peak_bytes, peak, now))
        peak = atomic_load_relaxed(&peak_bytes);
}

void zci_footprint_add(int64_t bytes)
{
    uint64_t now = bytes != 0 ? atomic_add_64(&current_bytes, (uint64_t)bytes) : 0;
    zci_footprint_settle();
    if (bytes >= 0)
        return;
    uint64_t soft = atomic_load_relaxed(&limits.soft);
    if (now < soft && atomic_load_relaxed(&limits.tolerated) != soft)
        atomic_store_relaxed(&limits.tolerated, soft);
}

static bool passes(uint64_t now, uint64_t bytes, uint64_t limit)
{
    return limit != FOOTPRINT_NO_LIMIT && (now > limit || bytes > limit - now);
}

static bool is_refused(uint64_t now, uint64_t bytes, bool heeds_soft)
{
    return passes(now, bytes, atomic_load_relaxed(&limits.hard)) ||
           (heeds_soft && passes(now, bytes, atomic_load_relaxed(&limits.tolerated)) &&
            atomic_load_relaxed(&limits.suspended) == 0);
}

static bool try_add(uint64_t bytes, bool heeds_soft)
{
    for (;;) {
        uint64_t now = atomic_load_relaxed(&current_bytes);
        if (ZCI_UNLIKELY(is_refused(now, bytes, heeds_soft)))
            return false;
        if (atomic_cas_64(&current_bytes, now, now + bytes))
            return true;
    }
}

bool zci_footprint_try_add(uint64_t bytes)
{
    return try_add(bytes, true);
}

bool zci_footprint_try_add_metadata(uint64_t bytes)
{
    return try_add(bytes, false);
}

uint64_t zci_footprint_bytes(void)
{
    return atomic_load_relaxed(&current_bytes);
}

uint64_t zci_footprint_peak_bytes(void)
{
    return atomic_load_relaxed(&peak_bytes);
}

void zci_footprint_set_soft_limit(uint64_t bytes)
{
    atomic_store_relaxed(&limits.soft, bytes);
    atomic_store_relaxed(&limits.tolerated, bytes);
}

void zci_footprint_set_hard_limit(uint64_t bytes)
{
    atomic_store_relaxed(&limits.hard, bytes);
}

uint64_t zci_footprint_soft_limit(void)
{
    return atomic_load_relaxed(&limits.soft);
}

uint64_t zci_footprint_hard_limit(void)
{
    return atomic_load_relaxed(&limits.hard);
}

bool zci_footprint_is_tight(uint64_t bytes)
{
    return is_refused(atomic_load_relaxed(&current_bytes), bytes, true);
}

void zci_footprint_suspend_soft(void)
{
    atomic_add_64(&limits.suspended, 1);
}

/* Never below 0: the child of a fork may resume what its parent's handler had suspended. */
void zci_footprint_resume_soft(void)
{
    uint64_t suspended;
    do
        suspended = atomic_load_relaxed(&limits.suspended);
    while (suspended != 0 && !atomic_cas_64(&limits.suspended, suspended, suspended - 1));
    uint64_t soft = atomic_load_relaxed(&limits.soft);
    uint64_t now = atomic_load_relaxed(&current_bytes);
    if (soft == FOOTPRINT_NO_LIMIT || now < soft)
        return;
    uint64_t step = soft >> SOFT_STEP_SHIFT;
    if (step < SOFT_STEP_LEAST)
        step = SOFT_STEP_LEAST;
    atomic_store_relaxed(&limits.tolerated, now + step);
}

void zci_footprint_fork_child(const struct footprint_recount *recount)
{
    atomic_store_relaxed(&limits.suspended, 0);
    if (!recount->is_midway)
        atomic_store_relaxed(&current_bytes, recount->bytes);
}
