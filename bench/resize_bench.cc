// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the zcmalloc authors
//
// resize_bench.cc - calloc, and realloc as buffers grow: by doubling, and by 64 bytes at a time.
#include "allocators.h"

namespace
{

template <class Allocator>
void zeroed(benchmark::State &state)
{
    const auto size = static_cast<std::size_t>(state.range(0));
    for (auto _ : state) {
        void *block = Allocator::alloc_zeroed(size);
        benchmark::DoNotOptimize(block);
        Allocator::free(block);
    }
    state.SetBytesProcessed(state.iterations() * state.range(0));
}

// Each step writes what it gained, as a buffer that is appended to does.
template <class Allocator>
void grow(benchmark::State &state, bool doubles)
{
    const auto limit = static_cast<std::size_t>(state.range(0));
    std::int64_t steps = 0;
    for (auto _ : state) {
        std::size_t size = 64;
        char *block = static_cast<char *>(Allocator::alloc(size));
        while (size < limit) {
            const std::size_t before = size;
            size = doubles ? size * 2 : size + 64;
            block = static_cast<char *>(Allocator::resize(block, size));
            block[before] = 1;
            steps++;
        }
        benchmark::DoNotOptimize(block);
        Allocator::free(block);
    }
    state.SetItemsProcessed(steps);
}

template <class Allocator>
void grow_doubling(benchmark::State &state)
{
    grow<Allocator>(state, true);
}

template <class Allocator>
void grow_by_64(benchmark::State &state)
{
    grow<Allocator>(state, false);
}

const int registered[] = {
    register_both("calloc", zeroed<Zc>, zeroed<System>,
                  [](benchmark::internal::Benchmark *bench) {
                      bench->RangeMultiplier(16)->Range(16, 16 << 20);
                      bench->Threads(1)->Threads(4)->UseRealTime();
                  }),
    register_both("realloc_doubling", grow_doubling<Zc>, grow_doubling<System>,
                  [](benchmark::internal::Benchmark *bench) {
                      bench->Arg(1 << 12)->Arg(1 << 20)->Arg(64 << 20);
                      bench->Threads(1)->Threads(4)->UseRealTime();
                  }),
    register_both("realloc_by_64", grow_by_64<Zc>, grow_by_64<System>,
                  [](benchmark::internal::Benchmark *bench) {
                      bench->Arg(1 << 12)->Arg(1 << 16)->Arg(1 << 20);
                      bench->Threads(1)->Threads(4)->UseRealTime();
                  }),
};

} // namespace

BENCHMARK_MAIN();
