// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the zcmalloc authors
/* late_cxx_guest.cc - what operator new does when there is no memory, for a library that brings the C++ runtime
 * late. */
#include "tests/support/blocks.h"
#include "tests/support/check.h"

#include <initializer_list>
#include <new>

namespace
{

constexpr std::align_val_t wide{64};
int handled_count;

void give_up()
{
    handled_count++;
    std::set_new_handler(nullptr);
}

void refuse()
{
    handled_count++;
    throw std::bad_alloc();
}

std::size_t impossible()
{
    return blocks_opaque(SIZE_MAX / 2 - 4096);
}

template <typename allocation>
bool is_refused(allocation allocate)
{
    try {
        (void)allocate();
    } catch (const std::bad_alloc &) {
        return true;
    }
    return false;
}

void throwing_forms_throw()
{
    CHECK(is_refused([] { return ::operator new(impossible()); }));
    CHECK(is_refused([] { return ::operator new[](impossible()); }));
    CHECK(is_refused([] { return ::operator new(impossible(), wide); }));
}

void nothrow_forms_return_null()
{
    CHECK(::operator new(impossible(), std::nothrow) == nullptr);
    CHECK(::operator new(impossible(), wide, std::nothrow) == nullptr);
}

void the_handler_is_called()
{
    for (std::new_handler handler : {give_up, refuse}) {
        handled_count = 0;
        std::set_new_handler(handler);
        CHECK(is_refused([] { return ::operator new(impossible()); }));
        std::set_new_handler(handler);
        CHECK(is_refused([] { return ::operator new(impossible(), wide); }));
        CHECK_EQ(handled_count, 2);
    }
    std::set_new_handler(nullptr);
}

void what_it_throws_is_caught()
{
    for (std::new_handler handler : {give_up, refuse}) {
        handled_count = 0;
        std::set_new_handler(handler);
        CHECK(::operator new(impossible(), std::nothrow) == nullptr);
        std::set_new_handler(handler);
        CHECK(::operator new[](impossible(), wide, std::nothrow) == nullptr);
        CHECK_EQ(handled_count, 2);
    }
    std::set_new_handler(nullptr);
}

} // namespace

extern "C" int late_cxx_run()
{
    RUN(throwing_forms_throw);
    RUN(nothrow_forms_return_null);
    RUN(the_handler_is_called);
    RUN(what_it_throws_is_caught);
    return check_done();
}
