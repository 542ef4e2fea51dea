/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* way_automatic.c - linked with the promoting archive: before main the zone is the default one, also for
 * constructors that ran before ours, and everything allocated earlier can be freed.
 * usage: way_automatic [off]     off: ZCMALLOC_PROMOTE=0 was set */
#include "darwin/zone.h"

static void *early_theirs;
static void *early_ours;
static int early_is_default;

/* In the program's own object, which is linked in front of the archive. */
__attribute__((constructor)) static void early(void)
{
    early_theirs = malloc(100);
    early_ours = zc_malloc(100);
    early_is_default = zc_zone_is_default();
}

int main(int argc, char **argv)
{
    (void)argv;
    bool is_off = argc > 1;
    CHECK_EQ(zc_zone_is_default(), !is_off);
    CHECK_EQ(early_is_default, !is_off);
    CHECK_EQ(is_ours(malloc(1)), !is_off);
    CHECK(is_ours(early_ours) && !is_ours(early_theirs));
    free(early_theirs);
    if (is_off) {
        zc_free(early_ours);
        CHECK_EQ(zc_zone_install(), 0);
        CHECK(is_ours(malloc(1)));
    } else {
        CHECK(malloc_size(early_ours) >= 100);
        free(early_ours);
        CHECK(zone_at(0) == &zci_zone.zone);
    }
    return check_done();
}
