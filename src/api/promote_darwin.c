/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* promote_darwin.c - in the promoting libraries only: the zone is installed without a word of the program.
 * Twice, for constructors run in link order: at the first call of any function of ours, and before main.
 * The image stays for good then. ZCMALLOC_PROMOTE=0 in the environment leaves the default zone as it is. The zone
 * is registered in any case: where malloc is ours without it, its blocks come to libmalloc all the same. */
#include "api/zone_darwin.h"
#include "base/options.h"
#include "heap/bootstrap.h"
#include "os/os_darwin.h"
#include "os/target_darwin.h"
#include "zcmalloc_darwin.h"

#include <dlfcn.h>

static void promote(void)
{
    if (!zci_options.promote || zc_zone_install() != 0)
        zci_zone_register();
}

/* At the end of the first call of the process. */
void zci_darwin_started(void)
{
    promote();
}

/* Only what names this is linked from the archive: the linker is told to ask for it. */
int zci_darwin_promotes = 1;

/* Whoever closes the image that has us, as a plug-in, must not take away what the zones, threads and forks call. */
static void pin(void)
{
    Dl_info info;
    if (dladdr(&zci_darwin_promotes, &info) != 0 && info.dli_fname != NULL)
        (void)dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}

__attribute__((constructor(102))) static void start(void)
{
    zci_bootstrap();
    promote();
    pin();
    /* macOS tells the zones, and a watch makes the dispatch queues of a later fork's child unusable. */
    if (!ZCI_DARWIN_MACOS)
        (void)zc_pressure_watch();
}
