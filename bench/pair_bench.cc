// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the zcmalloc authors
//
// pair_bench.cc - one malloc and its free: the fast path and nothing else.
#include "allocators.h"

namespace
{

template <class Allocator>
void pair(benchmark::State &state)
{
    const auto size = static_cast<std::size_t>(state.range(0));
    for (auto _ : state) {
        void *block = Allocator::alloc(size);
        benchmark::DoNotOptimize(block);
        Allocator::free(block);
    }
    state.SetItemsProcessed(state.iterations());
}

// As pair, but each page is written once: a first touch is part of a large block's price.
template <class Allocator>
void pair_written(benchmark::State &state)
{
    const auto size = static_cast<std::size_t>(state.range(0));
    for (auto _ : state) {
        char *block = static_cast<char *>(Allocator::alloc(size));
        for (std::size_t at = 0; at < size; at += 4096)
            block[at] = 1;
        benchmark::DoNotOptimize(block);
        Allocator::free(block);
    }
    state.SetItemsProcessed(state.iterations());
}

// A program's mix: mostly small, sometimes large, sizes unknown to the branch predictor.
template <class Allocator>
void pair_mixed(benchmark::State &state)
{
    constexpr std::uint32_t count = 4096;
    static std::uint32_t sizes[count];
    if (state.thread_index() == 0) {
        Random random(1);
        for (std::uint32_t &size : sizes)
            size = 1 + random.below(16u << random.below(8));
    }
    std::uint32_t at = 0;
    for (auto _ : state) {
        void *block = Allocator::alloc(sizes[at++ % count]);
        benchmark::DoNotOptimize(block);
        Allocator::free(block);
    }
    state.SetItemsProcessed(state.iterations());
}

const int registered[] = {
    register_both("pair", pair<Zc>, pair<System>,
                  [](benchmark::internal::Benchmark *bench) {
                      bench->RangeMultiplier(8)->Range(8, 1 << 20);
                      all_thread_counts(bench);
                  }),
    register_both("pair_written", pair_written<Zc>, pair_written<System>,
                  [](benchmark::internal::Benchmark *bench) {
                      bench->RangeMultiplier(8)->Range(4096, 32 << 20)->UseRealTime();
                  }),
    register_both("pair_mixed", pair_mixed<Zc>, pair_mixed<System>, all_thread_counts),
};

} // namespace

BENCHMARK_MAIN();
