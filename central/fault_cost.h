/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* fault_cost.h - what it takes until new pages are resident, one by one and as a huge page: measured, for hosts differ.
 * A huge page saves 511 faults and has 2 MiB to be cleared. Where memory is given to a virtual machine page by page
 * it may take five times as long as the 512 pages, elsewhere an eighth.
 * Invariants: figures are of the thread's own processor time: neither who else runs nor who holds a lock is in them.
 *             Nothing but speed depends on them.
 * Locking:    none; atomic, relaxed.
 * Costs:      where huge pages may be made, two system calls for one in 32 of those that make 8 pages or more resident;
 *             elsewhere none. */
#ifndef ZCI_CENTRAL_FAULT_COST_H
#define ZCI_CENTRAL_FAULT_COST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Shall be measured from here on? */
void zci_fault_cost_init(bool is_wanted);

/* Makes pages resident, which count as an example. Advice. */
void zci_fault_cost_populate(uint64_t start, size_t bytes);

/* Makes the first page of 2 MiB resident that are to be a huge page, and which nobody uses yet: has it become one, and
 * for no more than its pages would have taken? true also where that cannot be told. */
bool zci_fault_cost_is_huge_cheap(uint64_t start);

#endif
