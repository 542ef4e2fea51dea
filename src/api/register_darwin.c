/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* register_darwin.c - linked along with whatever gives our blocks by the system's names: the operators, malloc as
 * symbols, the object that promotes the zone. Those blocks come to libmalloc's free and malloc_size, so from the first
 * call of the process on the zone is registered. Who calls the zc_ functions only has no zone before he asks for it.
 * Costs:      every free of the process may ask our zone for a size. */
#include "api/zone_darwin.h"
#include "os/os_darwin.h"
#include "zcmalloc_darwin.h"

/* The object that promotes has another. */
__attribute__((weak)) bool zci_zone_is_promoted(void)
{
    return false;
}

void zci_zone_start(void)
{
    if (!zci_zone_is_promoted() || zc_zone_install() != 0)
        zci_zone_register();
}

/* At the end of the first call of the process. */
void zci_darwin_started(void)
{
    zci_zone_start();
}

/* For linkers that keep os_darwin.c's weak one, as zig's sometimes does: not from the first call on then, but before
 * main. */
__attribute__((constructor(103))) static void start(void)
{
    zci_zone_start();
}
