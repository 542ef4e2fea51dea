/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* bootstrap.h - the first call in a process.
 * Invariants: runs once, in whichever thread comes first; the others wait. Nothing in it can allocate
 *             before the heap is ready to.
 * Costs:      a load and a branch once done. */
#ifndef ZCI_HEAP_BOOTSTRAP_H
#define ZCI_HEAP_BOOTSTRAP_H

#include "base/atomic.h"

extern int zci_bootstrap_done;
void zci_bootstrap_slow(void);

ZCI_INLINE void zci_bootstrap(void)
{
    /* Pairs with zci_bootstrap_slow: publishes the class map. */
    if (ZCI_UNLIKELY(!atomic_load_acquire(&zci_bootstrap_done)))
        zci_bootstrap_slow();
}

#endif
