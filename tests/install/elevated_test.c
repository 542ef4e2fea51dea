/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* elevated_test.c - exit code 0 if this process has elevated rights, else 1. What the library says of its options it
 * has said by then. */
#include <stdlib.h>
#include <sys/auxv.h>

int main(void)
{
    free(malloc(1));
    return getauxval(AT_SECURE) == 0;
}
