/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* promote_darwin.c - in the promoting libraries only: the zone is installed without a word of the program.
 * Twice, for constructors run in link order: at the first call of any function of ours (register_darwin.c), and before
 * main. ZCMALLOC_PROMOTE=0 in the environment leaves the default zone as it is. The zone is registered in any case:
 * where malloc is ours without it, its blocks come to libmalloc all the same. */
#include "api/zone_darwin.h"
#include "base/options.h"
#include "heap/bootstrap.h"
#include "os/target_darwin.h"
#include "zcmalloc_darwin.h"

bool zci_zone_is_promoted(void)
{
    return zci_options.promote != 0;
}

/* Only what names this is linked from the archive: the linker is told to ask for it. */
int zci_darwin_promotes = 1;

__attribute__((constructor(102))) static void start(void)
{
    zci_bootstrap();
    zci_zone_start();
    /* macOS tells the zones, and a watch makes the dispatch queues of a later fork's child unusable. */
    if (!ZCI_DARWIN_MACOS)
        (void)zc_pressure_watch();
}
