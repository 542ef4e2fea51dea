/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* os_darwin.h - what only Darwin's front-end asks of os_darwin.c.
 * Locking:    none. */
#ifndef ZCI_OS_OS_DARWIN_H
#define ZCI_OS_OS_DARWIN_H

#include <stdbool.h>
#include <stdint.h>

/* Takes all locks, as a zone's force_lock must; gives them back in the parent, or anew in the child. */
void zci_locks_force(void);
void zci_locks_release_forced(void);
void zci_locks_reset_in_child(void);
/* Tries each lock without waiting: is one of them held? */
bool zci_locks_are_held(void);

/* Nobody waits in zci_os_wait_for in the child of a fork. */
void zci_waits_reset_in_child(void);

/* What the system's memory limit counts (phys_footprint), and what is left below it; 0 if not known. */
uint64_t zci_darwin_phys_footprint_bytes(void);
uint64_t zci_darwin_available_bytes(void);

/* Called at the end of the first call of the process, from which on everything here may allocate. Does
 * nothing, unless src/api/register_darwin.c is linked in. */
void zci_darwin_started(void);

/* In the child of a fork, from the zone's hook: repairs the heap once. */
void zci_darwin_fork_child(void);

#endif
