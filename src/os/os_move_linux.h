/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* os_move_linux.h - moving pages from address to address, by mremap: two entries of the table in os.h.
 * Invariants: whatever happens, both ranges stay mapped, the moved part of a source excepted that is to go.
 * Locking:    none. Callers own both ranges.
 * Costs:      two system calls, and two more where the process has limits; two for each mapping that the kernel sees in
 *             the source, and for all but the last some 14 more, to find where it ends; for each page some 20 ns. */
#ifndef ZCI_OS_OS_MOVE_LINUX_H
#define ZCI_OS_OS_MOVE_LINUX_H

#include <stddef.h>

size_t zci_os_linux_move_pages(void *from, void *to, size_t bytes);
int zci_os_linux_move_mapping(void *from, void *to, size_t old_bytes, size_t new_bytes);

#endif
