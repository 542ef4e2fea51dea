// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the zcmalloc authors
//
// batch_bench.cc - many blocks alive at once: freed last first, first first, at random, and
// replaced one by one. What leaves the thread's cache goes through the depot and the central lists.
#include "allocators.h"

#include <numeric>
#include <utility>
#include <vector>

namespace
{

enum class Order { lifo, fifo, random };

std::vector<std::uint32_t> free_order(Order order, std::uint32_t count)
{
    std::vector<std::uint32_t> at(count);
    std::iota(at.begin(), at.end(), 0u);
    Random random(7);
    for (std::uint32_t i = count; i-- > 0;) {
        if (order == Order::lifo)
            at[count - 1 - i] = i;
        else if (order == Order::random)
            std::swap(at[i], at[random.below(i + 1)]);
    }
    return at;
}

template <class Allocator, Order order>
void batch(benchmark::State &state)
{
    const auto count = static_cast<std::uint32_t>(state.range(0));
    const auto size = static_cast<std::size_t>(state.range(1));
    const std::vector<std::uint32_t> at = free_order(order, count);
    std::vector<void *> blocks(count);
    for (auto _ : state) {
        for (void *&block : blocks) {
            block = Allocator::alloc(size);
            *static_cast<char *>(block) = 1;
        }
        benchmark::DoNotOptimize(blocks.data());
        for (std::uint32_t index : at)
            Allocator::free(blocks[index]);
    }
    state.SetItemsProcessed(state.iterations() * count);
}

// A server's working set: a table of live blocks, and always a random one dies for a new one.
template <class Allocator>
void working_set(benchmark::State &state)
{
    const auto count = static_cast<std::uint32_t>(state.range(0));
    Random random(static_cast<std::uint64_t>(state.thread_index()) + 11);
    std::vector<void *> blocks(count, nullptr);
    for (auto _ : state) {
        void *&block = blocks[random.below(count)];
        Allocator::free(block);
        const std::size_t size = 1 + random.below(16u << random.below(7));
        block = Allocator::alloc(size);
        *static_cast<char *>(block) = 1;
    }
    for (void *block : blocks)
        Allocator::free(block);
    state.SetItemsProcessed(state.iterations());
}

void counts_and_sizes(benchmark::internal::Benchmark *bench)
{
    bench->ArgNames({"count", "size"});
    for (int count : {100, 10000})
        for (int size : {16, 64, 512, 4096})
            bench->Args({count, size});
    bench->Threads(1)->Threads(4)->UseRealTime();
}

const int registered[] = {
    register_both("batch_lifo", batch<Zc, Order::lifo>, batch<System, Order::lifo>,
                  counts_and_sizes),
    register_both("batch_fifo", batch<Zc, Order::fifo>, batch<System, Order::fifo>,
                  counts_and_sizes),
    register_both("batch_random", batch<Zc, Order::random>, batch<System, Order::random>,
                  counts_and_sizes),
    register_both("working_set", working_set<Zc>, working_set<System>,
                  [](benchmark::internal::Benchmark *bench) {
                      bench->Arg(1000)->Arg(100000);
                      all_thread_counts(bench);
                  }),
};

} // namespace

BENCHMARK_MAIN();
