// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the zcmalloc authors
//
// way_operators.cc - the archive's operators where nothing promotes the zone: libmalloc knows their blocks from the
// first one on. With WAY_SECOND=1 in the environment another copy's zone, by its name, was there before.
#include "support/check.h"
#include "zcmalloc_darwin.h"

#include <cerrno>
#include <cstdlib>
#include <malloc/malloc.h>

namespace
{
bool make_second()
{
    if (std::getenv("WAY_SECOND") == nullptr)
        return false;
    malloc_set_zone_name(malloc_create_zone(0, 0), "zcmalloc");
    return true;
}

// In this order.
const bool has_second = make_second();
char *const early = new char[100];

void is_known_and_freed(char *block)
{
    CHECK(zc_owns(block));
    if (CHECK(malloc_size(block) >= 100 && malloc_zone_from_ptr(block) != nullptr))
        std::free(block);
}
} // namespace

int main()
{
    CHECK(!zc_zone_is_default() && !zc_owns(std::malloc(10)));
    is_known_and_freed(early);
    is_known_and_freed(new char[100]);
    errno = 0;
    CHECK_EQ(zc_zone_install(), has_second ? -1 : 0);
    CHECK_EQ(errno, has_second ? EEXIST : 0);
    is_known_and_freed(new char[100]);
    return check_done();
}
