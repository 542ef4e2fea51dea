// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the zcmalloc authors
/* operators_test.cc - every form of operator new and delete: whose it is, what it aligns, how it
 * fails. */
#include "tests/support/blocks.h"
#include "tests/support/check.h"
#include "tests/support/ours.h"
#include "tests/support/process_size.h"

#include <cstdlib>
#include <malloc.h>
#include <map>
#include <memory>
#include <new>
#include <sstream>
#include <string>
#include <vector>

namespace
{

const std::size_t too_much = SIZE_MAX / 2 + 1000;

void check_block(void *block, std::size_t size, std::size_t alignment)
{
    CHECK(block != nullptr && ours_owns(block));
    CHECK(blocks_aligned(block, alignment));
    CHECK(malloc_usable_size(block) >= size);
    blocks_fill(block, size, 1);
}

void test_plain_forms()
{
    for (std::size_t size = 0; size <= 3 * BLOCKS_MIB; size = blocks_next_size(size)) {
        const std::size_t alignment = size > 8 ? 16 : 8;
        void *forms[] = {::operator new(size),
                         ::operator new[](size),
                         ::operator new(size, std::nothrow),
                         ::operator new[](size, std::nothrow),
                         ::operator new(size),
                         ::operator new[](size)};
        for (void *block : forms)
            check_block(block, size, alignment);
        ::operator delete(forms[0]);
        ::operator delete[](forms[1]);
        ::operator delete(forms[2], std::nothrow);
        ::operator delete[](forms[3], std::nothrow);
        ::operator delete(forms[4], size);
        ::operator delete[](forms[5], size);
    }
}

void test_aligned_forms()
{
    for (std::size_t bytes = 1; bytes <= 4 * BLOCKS_MIB; bytes *= 2) {
        const std::align_val_t alignment{bytes};
        for (std::size_t size = 0; size <= 200000; size = size * 5 + 3) {
            void *forms[] = {::operator new(size, alignment),
                             ::operator new[](size, alignment),
                             ::operator new(size, alignment, std::nothrow),
                             ::operator new[](size, alignment, std::nothrow),
                             ::operator new(size, alignment),
                             ::operator new[](size, alignment)};
            for (void *block : forms)
                check_block(block, size, bytes);
            ::operator delete(forms[0], alignment);
            ::operator delete[](forms[1], alignment);
            ::operator delete(forms[2], alignment, std::nothrow);
            ::operator delete[](forms[3], alignment, std::nothrow);
            ::operator delete(forms[4], size, alignment);
            ::operator delete[](forms[5], size, alignment);
        }
    }
}

void test_zero_is_distinct()
{
    void *first = ::operator new(0);
    void *second = ::operator new(0);
    CHECK(first != nullptr && second != nullptr && first != second);
    ::operator delete(first);
    ::operator delete(second);
}

void test_delete_null()
{
    auto none = [] { return blocks_opaque_pointer(nullptr); };
    ::operator delete(none());
    ::operator delete[](none());
    ::operator delete(none(), std::nothrow);
    ::operator delete[](none(), std::nothrow);
    ::operator delete (none(), std::size_t{8});
    ::operator delete[](none(), std::size_t{8});
    ::operator delete (none(), std::align_val_t{64});
    ::operator delete[](none(), std::align_val_t{64});
    ::operator delete (none(), std::size_t{8}, std::align_val_t{64});
    ::operator delete[](none(), std::size_t{8}, std::align_val_t{64});
    CHECK(none() == nullptr);
}

/* 1 for bad_alloc, 2 for another exception, 3 for NULL, 0 for success. */
template <class Function>
int outcome_of(Function &&allocate)
{
    try {
        void *block = allocate(blocks_opaque(too_much));
        return block == nullptr ? 3 : 0;
    } catch (const std::bad_alloc &) {
        return 1;
    } catch (...) {
        return 2;
    }
}

const std::align_val_t wide{256};

int outcome_of_form(int form)
{
    switch (form) {
    case 0:
        return outcome_of([](std::size_t size) { return ::operator new(size); });
    case 1:
        return outcome_of([](std::size_t size) { return ::operator new[](size); });
    case 2:
        return outcome_of([](std::size_t size) { return ::operator new(size, wide); });
    case 3:
        return outcome_of([](std::size_t size) { return ::operator new[](size, wide); });
    case 4:
        return outcome_of([](std::size_t size) { return ::operator new(size, std::nothrow); });
    case 5:
        return outcome_of([](std::size_t size) { return ::operator new[](size, std::nothrow); });
    case 6:
        return outcome_of(
            [](std::size_t size) { return ::operator new(size, wide, std::nothrow); });
    default:
        return outcome_of(
            [](std::size_t size) { return ::operator new[](size, wide, std::nothrow); });
    }
}

const int throwing_forms = 4;
const int all_forms = 8;

void test_failure_without_handler()
{
    CHECK(std::get_new_handler() == nullptr);
    for (int form = 0; form < all_forms; form++)
        CHECK_EQ(outcome_of_form(form), form < throwing_forms ? 1 : 3);
}

int handler_calls;

void handler_that_gives_up()
{
    if (++handler_calls % 3 == 0)
        std::set_new_handler(nullptr);
}

/* [new.delete.single]: the handler is called again and again, until it is gone. */
void test_handler_that_gives_up()
{
    for (int form = 0; form < all_forms; form++) {
        handler_calls = 0;
        std::set_new_handler(handler_that_gives_up);
        CHECK_EQ(outcome_of_form(form), form < throwing_forms ? 1 : 3);
        CHECK_EQ(handler_calls, 3);
    }
    std::set_new_handler(nullptr);
}

struct own_failure : std::bad_alloc {
};

void handler_that_throws()
{
    handler_calls++;
    throw own_failure();
}

/* What the handler throws reaches the caller of a throwing form and nobody else. */
void test_handler_that_throws()
{
    handler_calls = 0;
    std::set_new_handler(handler_that_throws);
    for (int form = 0; form < all_forms; form++)
        CHECK_EQ(outcome_of_form(form), form < throwing_forms ? 1 : 3);
    CHECK_EQ(handler_calls, all_forms);
    bool caught = false;
    try {
        ::operator delete(::operator new(blocks_opaque(too_much)));
    } catch (const own_failure &) {
        caught = true;
    }
    CHECK(caught);
    std::set_new_handler(nullptr);
}

void *spare_block;

void handler_that_frees()
{
    handler_calls++;
    std::free(spare_block);
    spare_block = nullptr;
    if (handler_calls > 1)
        std::set_new_handler(nullptr);
}

void use_spare(bool nothrow)
{
    struct rlimit old;
    handler_calls = 0;
    spare_block = std::malloc(400 * BLOCKS_MIB);
    CHECK(spare_block != nullptr);
    if (!process_limit_growth(100 * BLOCKS_MIB, &old)) {
        check_skip("the address space cannot be limited here");
        return;
    }
    std::set_new_handler(handler_that_frees);
    void *block = nullptr;
    try {
        block = nothrow ? ::operator new(300 * BLOCKS_MIB, std::nothrow)
                        : ::operator new(300 * BLOCKS_MIB);
    } catch (const std::bad_alloc &) {
    }
    setrlimit(RLIMIT_AS, &old);
    std::set_new_handler(nullptr);
    CHECK(block != nullptr && ours_owns(block));
    CHECK_EQ(handler_calls, 1);
    ::operator delete(block);
    std::free(spare_block);
    spare_block = nullptr;
}

void test_handler_that_frees()
{
    use_spare(false);
    use_spare(true);
}

struct alignas(128) wide_item {
    char bytes[200];
};

struct counted {
    static int alive;
    int value;

    explicit counted(int start) : value(start)
    {
        if (start < 0)
            throw start;
        alive++;
    }

    ~counted()
    {
        alive--;
    }
};

int counted::alive;

/* What the compiler makes of new expressions, a constructor that throws included. */
void test_expressions()
{
    auto *item = new wide_item;
    auto *items = new wide_item[7];
    CHECK(ours_owns(item) && blocks_aligned(item, 128));
    CHECK(ours_owns(items) && blocks_aligned(items, 128));
    delete item;
    delete[] items;
    for (int round = 0; round < 1000; round++) {
        bool caught = false;
        try {
            delete new counted(-1);
        } catch (int) {
            caught = true;
        }
        CHECK(caught);
    }
    delete new counted(3);
    CHECK_EQ(counted::alive, 0);
}

void test_library_types()
{
    std::map<int, std::string> names;
    for (int i = 0; i < 5000; i++)
        names[i * 7919 % 10007] = std::string(static_cast<std::size_t>(i % 300), 'x');
    CHECK(ours_owns(&*names.begin()->second.data()) || names.begin()->second.size() < 16);
    std::vector<std::shared_ptr<std::string>> shared;
    for (int i = 0; i < 1000; i++)
        shared.push_back(std::make_shared<std::string>(1000, 'y'));
    CHECK(ours_owns(shared.data()));
    CHECK(ours_owns(shared[500]->data()));
    std::ostringstream stream;
    for (int i = 0; i < 10000; i++)
        stream << i << ' ';
    CHECK(stream.str().size() > 40000);
}

} // namespace

int main()
{
    ours_prove();
    RUN(test_plain_forms);
    RUN(test_aligned_forms);
    RUN(test_zero_is_distinct);
    RUN(test_delete_null);
    RUN(test_failure_without_handler);
    RUN(test_handler_that_gives_up);
    RUN(test_handler_that_throws);
    RUN(test_handler_that_frees);
    RUN(test_expressions);
    RUN(test_library_types);
    return check_done();
}
