// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the zcmalloc authors
/* main.cc - a user's C++ program: operator new and the containers of zcmalloc.hpp. */
#include <iostream>
#include <memory>
#include <string>
#include <vector>
#include <zcmalloc.hpp>

int main(int, char **arguments)
{
    std::vector<int, zc::allocator<int>> numbers(1000, 1);
    auto text = std::make_unique<std::string>(1000, 'x');
    bool fine = zc_owns(numbers.data()) != 0;
    fine = fine && zc_owns(text.get()) == CONSUMER_OVERRIDES;
    fine = fine && zc_owns(text->data()) == CONSUMER_OVERRIDES;
    std::cout << arguments[0] << ": " << (fine ? "ok" : "FAILED") << '\n';
    return fine ? 0 : 1;
}
