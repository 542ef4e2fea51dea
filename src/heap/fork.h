/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* fork.h - what the child of a fork has to repair.
 * Invariants: nothing is locked before a fork, so fork never waits: not for a thread that holds a lock of
 *             ours while it waits for one of libc's, not for the very thread that a signal handler, which
 *             forks, has interrupted. Instead each structure under a lock can be rebuilt from state that
 *             is valid at every instant, and the child rebuilds those whose lock was held by a thread
 *             that it does not have.
 * Costs:      parent: nothing. Child: a look at each lock; a walk over the heap's runs per held lock. */
#ifndef ZCI_HEAP_FORK_H
#define ZCI_HEAP_FORK_H

void zci_heap_fork_child(void);

#endif
