/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* malloc_darwin.c - malloc and its family as symbols, for the image that this is linked into. An archive of
 * its own: on Darwin a name binds per image, so a program chooses it knowing that pointers cross the border
 * both ways. They may: our free gives foreign blocks to their zone, and others' free finds our zone. */
#include "api/malloc_darwin.h"

#include "api/zone_darwin.h"

#define FAMILY(result, name, arguments)                                                            \
    result name arguments;                                                                         \
    ZCI_EXPORT result name arguments

#include "api/malloc_darwin.def"

/* libmalloc must know the blocks, whether or not the zone is promoted. */
__attribute__((used)) static void (*const needed)(void) = zci_zone_start;
