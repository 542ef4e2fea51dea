/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* override_free_libc.c - below the override header a block that libc allocated is freed. Linked with the prefixed
 * library. */
#include "death/death.h"
#include "zcmalloc_override.h"

int main(void)
{
    char *path = realpath("/", NULL);
    free(death_hide(path));
    return 0;
}
