// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the zcmalloc authors
//
// way_cxx.cc - the archive's operators: new and delete are the fast path, also for libc++'s containers and
// before the zone is installed; a block of the system that is deleted goes home.
#include "support/check.h"
#include "zcmalloc_darwin.h"

#include <cstdlib>
#include <map>
#include <new>
#include <string>
#include <vector>

namespace
{
const bool early_is_ours = zc_owns(new char[100]) != 0;
std::map<int, std::string> early_map{{1, "made before main"}};

struct alignas(256) wide {
    char bytes[512];
};
} // namespace

int main()
{
    CHECK(early_is_ours);
    CHECK_EQ(zc_zone_install(), 0);
    CHECK(early_map.at(1) == "made before main");
    early_map[2] = "more";
    std::vector<std::string> strings;
    for (int i = 0; i < 1000; i++)
        strings.push_back(std::string(100, 'x') + std::to_string(i));
    CHECK(zc_owns(strings.data()) && zc_owns(strings[5].data()));
    auto *aligned = new wide;
    CHECK(zc_owns(aligned) && reinterpret_cast<uintptr_t>(aligned) % 256 == 0);
    delete aligned;
    delete[] new (std::nothrow) int[50];
    CHECK_EQ(zc_zone_uninstall(), 0);
    void *foreign = std::malloc(100);
    CHECK(!zc_owns(foreign) && zc_owns(::operator new(5)));
    ::operator delete(foreign);
    strings.clear();
    return check_done();
}
