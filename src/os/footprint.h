/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* footprint.h - how much memory may be resident on our account, now and at most.
 * Invariants: counts every byte that was committed, used, and not given back since; the layers report
 *             their changes.
 * Locking:    atomic; the peak is a maximum over what was reported, exact but for races of two reports.
 * Costs:      one locked instruction per change of a layer's share, which is rare. */
#ifndef ZCI_OS_FOOTPRINT_H
#define ZCI_OS_FOOTPRINT_H

#include <stdint.h>

void zci_footprint_add(int64_t bytes);
uint64_t zci_footprint_bytes(void);
uint64_t zci_footprint_peak_bytes(void);

#endif
