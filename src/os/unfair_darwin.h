/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* unfair_darwin.h - the system's <os/lock.h>, which this folder's own lock.h hides.
 * Locking:    os_unfair_lock. */
#ifndef ZCI_OS_UNFAIR_DARWIN_H
#define ZCI_OS_UNFAIR_DARWIN_H

#if defined(__APPLE__)
#include_next <os/lock.h>
#endif

#endif
