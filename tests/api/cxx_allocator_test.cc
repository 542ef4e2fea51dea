// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the zcmalloc authors
/* cxx_allocator_test.cc - zcmalloc.hpp: containers get blocks of zcmalloc, errors are those of
 * C++. */
#include "tests/support/blocks.h"
#include "tests/support/check.h"
#include "zcmalloc.hpp"

#include <deque>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace
{

struct alignas(64) wide_item {
    char bytes[100];
};

struct alignas(16) middle_item {
    double values[2];
};

using text = std::basic_string<char, std::char_traits<char>, zc::allocator<char>>;

void test_vector()
{
    std::vector<int, zc::allocator<int>> numbers;
    for (int i = 0; i < 100000; i++)
        numbers.push_back(i);
    CHECK(zc_owns(numbers.data()));
    long long sum = 0;
    for (int number : numbers)
        sum += number;
    CHECK_EQ(sum, 4999950000LL);
    std::vector<int, zc_allocator<int>> copy = numbers;
    CHECK(copy == numbers && zc_owns(copy.data()));
    const int *before = copy.data();
    std::vector<int, zc_allocator<int>> moved = std::move(copy);
    CHECK(moved.data() == before);
}

/* Nodes are of another type than the elements: the container rebinds. */
void test_rebound()
{
    std::map<int, text, std::less<int>, zc::allocator<std::pair<const int, text>>> ordered;
    std::unordered_map<int, text, std::hash<int>, std::equal_to<int>,
                       zc::allocator<std::pair<const int, text>>>
        hashed;
    std::list<text, zc::allocator<text>> listed;
    std::deque<wide_item, zc::allocator<wide_item>> queued;
    for (int i = 0; i < 2000; i++) {
        ordered[i] = text(static_cast<std::size_t>(i % 100 + 30), 'a');
        hashed[i] = ordered[i];
        listed.push_back(ordered[i]);
        queued.emplace_back();
    }
    CHECK(zc_owns(ordered[99].data()) && zc_owns(hashed[99].data()));
    CHECK(zc_owns(listed.back().data()));
    CHECK(blocks_aligned(&queued.back(), 64));
    std::shared_ptr<int> shared = std::allocate_shared<int>(zc::allocator<int>(), 5);
    CHECK_EQ(*shared, 5);
}

template <class T>
void check_type(std::size_t count)
{
    zc::allocator<T> first;
    T *block = first.allocate(count);
    CHECK(block != nullptr && zc_owns(block));
    CHECK(blocks_aligned(block, alignof(T)));
    blocks_fill(block, count * sizeof(T), 1);
    zc::allocator<char> other;
    typename std::allocator_traits<decltype(other)>::template rebind_alloc<T> second(other);
    CHECK(first == second && !(first != second));
    second.deallocate(block, count);
}

void test_alignment()
{
    for (std::size_t count = 0; count < 300; count = count * 2 + 1) {
        check_type<char>(count);
        check_type<long>(count);
        check_type<middle_item>(count);
        check_type<wide_item>(count);
    }
}

template <class Error, class T>
bool refuses(std::size_t count)
{
    try {
        zc::allocator<T> allocator;
        allocator.deallocate(allocator.allocate(blocks_opaque(count)), count);
    } catch (const Error &) {
        return true;
    } catch (...) {
    }
    return false;
}

int handler_calls;

void count_calls()
{
    handler_calls++;
    std::set_new_handler(nullptr);
}

void test_errors()
{
    std::set_new_handler(count_calls);
    CHECK((refuses<std::bad_array_new_length, int>(SIZE_MAX)));
    CHECK((refuses<std::bad_array_new_length, int>(SIZE_MAX / 4 + 1)));
    CHECK((refuses<std::bad_array_new_length, wide_item>(SIZE_MAX / sizeof(wide_item) + 1)));
    CHECK((refuses<std::bad_array_new_length, char>(SIZE_MAX / 2 + 1)));
    CHECK((refuses<std::bad_alloc, char>(SIZE_MAX / 2)));
    CHECK((refuses<std::bad_alloc, wide_item>(SIZE_MAX / 2 / sizeof(wide_item))));
    std::vector<int, zc::allocator<int>> numbers{1, 2, 3};
    bool caught = false;
    try {
        numbers.reserve(blocks_opaque(SIZE_MAX / 16));
    } catch (const std::bad_alloc &) {
        caught = true;
    }
    CHECK(caught && numbers.size() == 3 && numbers[2] == 3);
    CHECK_EQ(handler_calls, 0);
    std::set_new_handler(nullptr);
}

#if defined(__cpp_lib_memory_resource)

void test_resource()
{
    std::pmr::memory_resource *resource = zc::get_memory_resource();
    CHECK(resource == zc::get_memory_resource());
    for (std::size_t alignment = 1; alignment <= BLOCKS_MIB; alignment *= 2) {
        for (std::size_t bytes = 0; bytes <= 100000; bytes = bytes * 3 + 1) {
            void *block = resource->allocate(bytes, alignment);
            CHECK(zc_owns(block) && blocks_aligned(block, alignment));
            blocks_fill(block, bytes, 1);
            resource->deallocate(block, bytes, alignment);
        }
    }
    bool caught = false;
    try {
        resource->deallocate(resource->allocate(blocks_opaque(SIZE_MAX), 8), SIZE_MAX, 8);
    } catch (const std::bad_alloc &) {
        caught = true;
    }
    CHECK(caught);
}

void test_resource_equality()
{
    zc::memory_resource own;
    CHECK(own == *zc::get_memory_resource());
    CHECK(!(own == *std::pmr::new_delete_resource()));
    void *block = own.allocate(100, 16);
    zc::get_memory_resource()->deallocate(block, 100, 16);
}

void test_pmr_containers()
{
    std::pmr::vector<std::pmr::string> names(zc::get_memory_resource());
    for (int i = 0; i < 1000; i++)
        names.emplace_back(static_cast<std::size_t>(i % 200 + 50), 'z');
    CHECK(zc_owns(names.data()) && zc_owns(names[500].data()));
    std::pmr::monotonic_buffer_resource pool(1000, zc::get_memory_resource());
    std::pmr::map<int, int> numbers(&pool);
    for (int i = 0; i < 1000; i++)
        numbers[i] = i;
    CHECK_EQ(numbers.size(), 1000);
}

/* Destroyed after main, when most other objects are gone. */
std::pmr::vector<int> late_numbers(1000, 7, zc::get_memory_resource());

#endif

} // namespace

int main()
{
    RUN(test_vector);
    RUN(test_rebound);
    RUN(test_alignment);
    RUN(test_errors);
#if defined(__cpp_lib_memory_resource)
    RUN(test_resource);
    RUN(test_resource_equality);
    RUN(test_pmr_containers);
    CHECK(zc_owns(late_numbers.data()));
#endif
    return check_done();
}
