// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the zcmalloc authors
/* static_cxx_test.cc - a C++ program without any shared library: operator new is ours,
 * exceptions work. */
#include "tests/support/blocks.h"
#include "tests/support/check.h"
#include "zcmalloc.h"

#include <map>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <vector>

namespace
{

struct alignas(512) wide_item {
    char bytes[512];
};

void test_operators()
{
    auto item = std::make_unique<wide_item>();
    auto items = std::make_unique<int[]>(1000);
    CHECK(zc_owns(item.get()) && blocks_aligned(item.get(), 512));
    CHECK(zc_owns(items.get()));
    void *block = ::operator new(100, std::nothrow);
    CHECK(zc_owns(block));
    ::operator delete(block, std::nothrow);
}

void test_exceptions()
{
    int caught_count = 0;
    for (int i = 0; i < 100; i++) {
        try {
            std::vector<char> impossible(blocks_opaque(SIZE_MAX / 2 - 1));
        } catch (const std::bad_alloc &) {
            caught_count++;
        }
    }
    CHECK_EQ(caught_count, 100);
    CHECK(::operator new(blocks_opaque(SIZE_MAX / 2 + 1), std::nothrow) == nullptr);
}

void test_threads()
{
    std::vector<std::thread> threads;
    std::vector<std::string> results(4);
    for (std::size_t i = 0; i < results.size(); i++)
        threads.emplace_back([&results, i] {
            std::map<int, std::string> names;
            for (int k = 0; k < 1000; k++)
                names[k] = std::string(static_cast<std::size_t>(k % 90), 'x');
            results[i] = std::string(500, 'y') + names[60];
        });
    for (std::thread &thread : threads)
        thread.join();
    for (const std::string &result : results)
        CHECK(result.size() == 560 && zc_owns(result.data()));
}

} // namespace

int main()
{
    RUN(test_operators);
    RUN(test_exceptions);
    RUN(test_threads);
    return check_done();
}
