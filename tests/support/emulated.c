/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* emulated.c - linked into programs that run in qemu's user mode (7.2), where a call works wrongly.
 * Invariants: MREMAP_DONTUNMAP fails here as on a kernel without it (before 5.7). The emulator does
 *             it, but takes the source for unmapped from then on, so that some later accesses to it
 *             get SIGSEGV and system calls EFAULT. */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

void *mremap(void *old_address, size_t old_size, size_t new_size, int flags, ...)
{
    void *new_address = NULL;
    if ((flags & MREMAP_DONTUNMAP) != 0) {
        errno = EINVAL;
        return MAP_FAILED;
    }
    if ((flags & MREMAP_FIXED) != 0) {
        va_list arguments;
        va_start(arguments, flags);
        new_address = va_arg(arguments, void *);
        va_end(arguments);
    }
    return (void *)syscall(SYS_mremap, old_address, old_size, new_size, flags, new_address);
}
