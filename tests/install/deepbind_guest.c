/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* deepbind_guest.c - a library that knows nothing of zcmalloc, and is loaded with RTLD_DEEPBIND. */
#include "dlopen_guest.h"

#include <stdlib.h>

void *guest_malloc(size_t size)
{
    return malloc(size);
}

void guest_free(void *block)
{
    free(block);
}
