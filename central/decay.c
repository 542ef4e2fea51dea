/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* decay.c - see decay.h. */
#include "central/decay.h"

#define HOLD_MS 60000 /* how long demand that came back holds pages, about */

/* Not at all in a step that is too short for a granule: then the next ones count together. */
static void fade_hold(struct decay *decay, uint64_t elapsed_ms)
{
    decay->hold_ms += elapsed_ms;
    uint64_t granules = decay->hold * min_size(decay->hold_ms, HOLD_MS) / HOLD_MS;
    if (granules != 0) {
        counter_add(&decay->hold, -granules);
        decay->hold_ms = 0;
    }
}

/* What lay idle since the last call goes at a rate that would have the largest such amount gone in decay_ms; what came
 * back lately stays. */
size_t zci_decay_due(struct decay *decay, uint64_t granules, uint64_t elapsed_ms, uint64_t decay_ms)
{
    uint64_t idle = decay->least;
    decay->least = granules;
    fade_hold(decay, elapsed_ms);
    idle -= min_size(idle, decay->hold);
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
