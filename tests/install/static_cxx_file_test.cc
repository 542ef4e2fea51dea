// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the zcmalloc authors
/* static_cxx_file_test.cc - a C++ program without any shared library, linked with the archive's file, that itself calls
 * operator new but no function of malloc's family, not even free: what libc allocates for it is ours all the same. */
#include "tests/support/check.h"
#include "zcmalloc.h"

#include <cstdio>
#include <cstring>
#include <string>

int main()
{
    std::string text(1000, 'x');
    char *copy = strdup(text.c_str());
    char *line = nullptr;
    std::size_t capacity = 0;
    CHECK(zc_owns(text.data()));
    CHECK(copy != nullptr && zc_owns(copy));
    std::FILE *stream = std::fopen("/proc/self/status", "r");
    if (stream != nullptr) {
        CHECK(getline(&line, &capacity, stream) > 0);
        CHECK(zc_owns(line));
        std::fclose(stream);
    }
    return check_done();
}
