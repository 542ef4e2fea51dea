// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the zcmalloc authors
/* own_operators_test.cc - a program that replaces the four operators new and delete that all others derive from, by the
 * standard: the others, which are ours, call these. */
#include "tests/support/check.h"

#include <cstdint>
#include <cstdlib>
#include <new>

alignas(64) static char room[1 << 20];
static std::size_t used_bytes;
static int plain_count, aligned_count; /* blocks that are out */
static bool has_room = true;

static void *take(std::size_t size, std::size_t alignment)
{
    std::size_t start = (used_bytes + alignment - 1) & ~(alignment - 1);
    if (!has_room || size > sizeof room - start)
        throw std::bad_alloc();
    used_bytes = start + size;
    return room + start;
}

void *operator new(std::size_t size)
{
    void *block = take(size, 16);
    plain_count++;
    return block;
}

void *operator new(std::size_t size, std::align_val_t alignment)
{
    void *block = take(size, static_cast<std::size_t>(alignment));
    aligned_count++;
    return block;
}

void operator delete(void *block) noexcept
{
    plain_count -= block != nullptr;
}

void operator delete(void *block, std::align_val_t) noexcept
{
    aligned_count -= block != nullptr;
}

static void check_own(const void *block)
{
    CHECK(reinterpret_cast<std::uintptr_t>(block) - reinterpret_cast<std::uintptr_t>(room) <
          sizeof room);
}

static void plain_forms()
{
    void *blocks[] = {::operator new(10), ::operator new[](10), ::operator new(10, std::nothrow),
                      ::operator new[](10, std::nothrow)};
    for (void *block : blocks)
        check_own(block);
    CHECK_EQ(plain_count, 4);
    ::operator delete (blocks[0], std::size_t{10});
    ::operator delete[](blocks[1], std::size_t{10});
    ::operator delete(blocks[2], std::nothrow);
    ::operator delete[](blocks[3], std::nothrow);
    CHECK_EQ(plain_count, 0);
    void *array = ::operator new[](10);
    ::operator delete[](array);
    CHECK_EQ(plain_count, 0);
}

static void aligned_forms()
{
    const std::align_val_t alignment{64};
    void *blocks[] = {::operator new(10, alignment), ::operator new[](10, alignment),
                      ::operator new(10, alignment, std::nothrow),
                      ::operator new[](10, alignment, std::nothrow)};
    for (void *block : blocks)
        check_own(block);
    CHECK_EQ(aligned_count, 4);
    ::operator delete (blocks[0], std::size_t{10}, alignment);
    ::operator delete[](blocks[1], std::size_t{10}, alignment);
    ::operator delete(blocks[2], alignment, std::nothrow);
    ::operator delete[](blocks[3], alignment, std::nothrow);
    CHECK_EQ(aligned_count, 0);
    void *array = ::operator new[](10, alignment);
    ::operator delete[](array, alignment);
    CHECK_EQ(aligned_count, 0);
    CHECK_EQ(plain_count, 0);
}

static void what_they_throw_is_caught()
{
    has_room = false;
    const std::align_val_t alignment{64};
    CHECK(::operator new(10, std::nothrow) == nullptr);
    CHECK(::operator new[](10, std::nothrow) == nullptr);
    CHECK(::operator new(10, alignment, std::nothrow) == nullptr);
    CHECK(::operator new[](10, alignment, std::nothrow) == nullptr);
    bool is_thrown = false;
    try {
        (void)::operator new[](10);
    } catch (const std::bad_alloc &) {
        is_thrown = true;
    }
    CHECK(is_thrown);
    has_room = true;
}

int main()
{
    void *block = std::malloc(100);
    CHECK(block != nullptr);
    std::free(block);
    plain_forms();
    aligned_forms();
    what_they_throw_is_caught();
    return check_done();
}
