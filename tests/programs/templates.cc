// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the zcmalloc authors
//
// templates.cc - work for a C++ compiler: containers, algorithms, recursive templates. Never run.
#include <algorithm>
#include <array>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <tuple>
#include <unordered_map>
#include <variant>
#include <vector>

#ifndef TEMPLATES_DEPTH
#define TEMPLATES_DEPTH 3
#endif

namespace
{

template <int N>
struct Tag {
    int value = N;

    friend bool operator<(const Tag &a, const Tag &b)
    {
        return a.value < b.value;
    }
};

template <int N>
struct Record {
    std::map<std::string, std::vector<Tag<N>>> by_name;
    std::unordered_map<int, std::optional<std::string>> by_number;
    std::variant<int, double, std::string, std::array<char, N + 1>> field;
    std::set<std::tuple<int, std::string, Tag<N>>> keys;
    std::function<int(int)> action = [this](int x) { return x + static_cast<int>(by_name.size()); };
};

template <int N>
std::string describe(const Record<N> &record)
{
    std::ostringstream out;
    for (const auto &[name, tags] : record.by_name)
        out << name << ':'
            << std::accumulate(tags.begin(), tags.end(), 0,
                               [](int sum, const Tag<N> &tag) { return sum + tag.value * N; });
    std::visit([&out](const auto &value) { out << sizeof value; }, record.field);
    return out.str();
}

template <int N>
int work(int seed)
{
    auto record = std::make_unique<Record<N>>();
    std::deque<Tag<N>> queue;
    std::list<std::string> names;
    for (int i = 0; i < seed; i++) {
        names.push_back(std::to_string(i * N));
        queue.push_front(Tag<N>{i});
        record->by_name[names.back()].push_back(queue.back());
        record->by_number[i] = i % 2 ? std::optional<std::string>(names.back()) : std::nullopt;
        record->keys.emplace(i, names.back(), queue.front());
    }
    std::vector<Tag<N>> sorted(queue.begin(), queue.end());
    std::sort(sorted.begin(), sorted.end());
    std::stable_sort(queue.begin(), queue.end());
    names.sort();
    const std::regex pattern("([a-z]+)(" + std::to_string(N) + ")?");
    std::smatch match;
    const std::string text = describe(*record);
    const int found = std::regex_search(text, match, pattern) ? 1 : 0;
    return static_cast<int>(sorted.size()) + record->action(seed) + found;
}

template <int N>
int all(int seed)
{
    if constexpr (N == 0)
        return seed;
    else
        return work<N>(seed) + all<N - 1>(seed);
}

} // namespace

int run_all(int seed)
{
    return all<TEMPLATES_DEPTH>(seed);
}
