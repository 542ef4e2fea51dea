/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* footprint.h - how much memory may be resident on our account: now, at most, and how much it may become.
 * Invariants: counts every byte that was committed, used, and not given back since; the layers report
 *             their changes, growth before it happens. try_add never lets the sum pass the hard limit.
 *             The soft limit refuses growth only to be asked again: after a collection the caller suspends
 *             it and retries, so it never makes a request fail.
 * Locking:    atomic; the peak is a maximum over what was settled, exact but for what others are trying just then.
 * Costs:      one locked instruction per change of a layer's share, which is rare. */
#ifndef ZCI_OS_FOOTPRINT_H
#define ZCI_OS_FOOTPRINT_H

#include <stdbool.h>
#include <stdint.h>

#define FOOTPRINT_NO_LIMIT UINT64_MAX

/* Changes that are no growth, or that happened already. */
void zci_footprint_add(int64_t bytes);
/* Before growing; false and unchanged if a limit forbids it. What does not happen after all is taken back
 * with zci_footprint_add; what does counts for the peak with zci_footprint_settle, or with the next add. */
bool zci_footprint_try_add(uint64_t bytes);
/* The same, but only the hard limit counts: for metadata, whose absence nobody would answer by collecting. */
bool zci_footprint_try_add_metadata(uint64_t bytes);
void zci_footprint_settle(void);
uint64_t zci_footprint_bytes(void);
uint64_t zci_footprint_peak_bytes(void);

/* FOOTPRINT_NO_LIMIT lifts a limit. A limit below what is held already only stops growth. */
void zci_footprint_set_soft_limit(uint64_t bytes);
void zci_footprint_set_hard_limit(uint64_t bytes);
uint64_t zci_footprint_soft_limit(void);
uint64_t zci_footprint_hard_limit(void);

/* Would growing by bytes meet a limit now? */
bool zci_footprint_is_tight(uint64_t bytes);
/* Until as many resumes, the soft limit refuses nobody. */
void zci_footprint_suspend_soft(void);
/* Raises what the soft limit tolerates a step above what is held now, so that a program that needs more
 * than its soft limit is collected once per step and not at each growth. */
void zci_footprint_resume_soft(void);

/* The child of a fork counts anew, for charges of threads that it does not have may be half made: each layer adds its
 * share. */
struct footprint_recount {
    uint64_t bytes;
    bool is_midway; /* the thread that forked, from a signal handler, will go on with a change */
};

/* In the child of a fork: nobody else is in the middle of a retry. The count stays the parent's if is_midway. */
void zci_footprint_fork_child(const struct footprint_recount *recount);

#endif
