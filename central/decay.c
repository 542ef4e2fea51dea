/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* decay.c - see decay.h. */
#include "central/decay.h"

#define HOLD_MS 60000 /* how long demand that came back holds pages, about */
/* This part of what is in use may be held in any case. */
#define HOLD_SHARE 8

/* Not at all in a step that is too short for a granule: then the next ones count together. */
static void fade_hold(struct decay *decay, uint64_t elapsed_ms)
{
    decay->hold_ms += elapsed_ms;
    uint64_t granules = decay->hold * min_size(decay->hold_ms, HOLD_MS) / HOLD_MS;
    if (granules != 0) {
        decay->hold -= granules;
        decay->hold_ms = 0;
    }
}

/* How many the hold may keep. More demand than was met lately and is not now cannot come back: what was taken anew
 * because the free pages lay in the wrong places keeps no more of them, or they would lie there for good, and the next
 * request be met anew again. */
static uint64_t hold_most(struct decay *decay, uint64_t used, uint64_t dropped, uint64_t elapsed_ms)
{
    decay->used_since = max_size(decay->used_since, used + dropped);
    uint64_t used_most = max_size(decay->used_most, decay->used_since);
    decay->hold = min_size(decay->hold, used_most);
    decay->period_ms += elapsed_ms;
    if (decay->period_ms >= HOLD_MS) {
        decay->used_most = decay->used_since;
        decay->used_since = used;
        decay->period_ms = 0;
    }
    return max_size(used_most - used, used / HOLD_SHARE);
}

/* What lay idle since the last call goes at a rate that would have the largest such amount gone in decay_ms; what came
 * back lately stays. */
size_t zci_decay_due(struct decay *decay, uint64_t granules, uint64_t used, uint64_t elapsed_ms,
                     uint64_t decay_ms)
{
    uint64_t idle = decay->least;
    decay->least = granules;
    fade_hold(decay, elapsed_ms);
    uint64_t dropped = granules - min_size(granules, idle);
    uint64_t most = hold_most(decay, used, dropped, elapsed_ms);
    atomic_store_relaxed(&decay->kept, min_size(decay->hold, most));
    idle -= min_size(idle, decay->kept);
    if (idle == 0) {
        decay->rate = 0;
        decay->due = 0;
        return 0;
    }
    decay->rate = max_size(decay->rate, idle * 1024 / (decay_ms + 1) + 1);
    decay->due += decay->rate * elapsed_ms;
    size_t due = min_size(decay->due / 1024, idle);
    decay->due -= min_size(decay->due, (uint64_t)due * 1024);
    return due;
}
