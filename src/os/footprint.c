/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* footprint.c - see footprint.h. */
#include "os/footprint.h"

#include "base/atomic.h"

static uint64_t current_bytes ZCI_LINE;
static uint64_t peak_bytes;

void zci_footprint_add(int64_t bytes)
{
    if (bytes == 0)
        return;
    uint64_t now = atomic_add_64(&current_bytes, (uint64_t)bytes);
    uint64_t peak = atomic_load_relaxed(&peak_bytes);
    while (now > peak && !atomic_cas_64(&peak_bytes, peak, now))
        peak = atomic_load_relaxed(&peak_bytes);
}

uint64_t zci_footprint_bytes(void)
{
    return atomic_load_relaxed(&current_bytes);
}

uint64_t zci_footprint_peak_bytes(void)
{
    return atomic_load_relaxed(&peak_bytes);
}
