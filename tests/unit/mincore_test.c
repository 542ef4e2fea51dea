/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* mincore_test.c - a system whose mincore says of every page that it is resident, as gVisor's: it is not believed. */
#include "os/os.h"
#include "support/check.h"

#include <errno.h>

static int call_count;

int mincore(void *start, size_t bytes, unsigned char *is_there);

int mincore(void *start, size_t bytes, unsigned char *is_there)
{
    (void)start;
    (void)bytes;
    call_count++;
    *is_there = 1;
    return 0;
}

int main(void)
{
    size_t page = zci_os_page_bytes();
    char *place = zci_os_reserve(page, page);
    CHECK(place != NULL && zci_os_commit(place, page));
    errno = EDOM;
    CHECK(!zci_os_is_resident(place));
    *(volatile char *)place = 1;
    CHECK(!zci_os_is_resident(place));
    CHECK_EQ(errno, EDOM);
    CHECK_EQ(call_count, 1);
    return check_done();
}
