/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* promote_darwin.c - in the promoting libraries only: the zone is installed without a word of the program.
 * Twice, for constructors run in link order: at the first call of any function of ours, and before main.
 * ZCMALLOC_PROMOTE=0 in the environment leaves the zones as they are. */
#include "base/options.h"
#include "heap/bootstrap.h"
#include "os/os_darwin.h"
#include "zcmalloc_darwin.h"

static void promote(void)
{
    if (zci_options.promote)
        (void)zc_zone_install();
}

/* At the end of the first call of the process. */
void zci_darwin_started(void)
{
    promote();
}

/* Only what names this is linked from the archive: the linker is told to ask for it. */
int zci_darwin_promotes = 1;

__attribute__((constructor(102))) static void start(void)
{
    zci_bootstrap();
    promote();
    (void)zc_pressure_watch();
}
