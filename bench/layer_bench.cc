// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the zcmalloc authors
//
// layer_bench.cc - each layer by itself, from the look-ups up to the page heap.
// The layers below the thread cache are called with no front-end above them: what is measured is
// one batch to the depot, one to the central list, one run to the page heap, with 1, 2, 4 and 16
// threads.
#include "allocators.h"
#include "layer_operations.h"

#include <benchmark/benchmark.h>
#include <vector>

namespace
{

constexpr std::size_t lookups = 4096;

void every_thread_count(benchmark::internal::Benchmark *bench)
{
    bench->ArgName("size")->Arg(16)->Arg(256)->Arg(4096)->Arg(65536);
    all_thread_counts(bench);
}

// --- base and pagemap ---------------------------------------------------------------------------

void class_of_size(benchmark::State &state)
{
    std::vector<std::size_t> sizes(lookups);
    Random random(3);
    for (std::size_t &size : sizes)
        size = random.below(static_cast<std::uint32_t>(state.range(0)) + 1);
    for (auto _ : state)
        benchmark::DoNotOptimize(layer_class_of_sizes(sizes.data(), lookups));
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(lookups));
}

// Looks up live blocks spread over a heap of about this many MiB.
void lookup(benchmark::State &state, std::size_t (*get)(void *const *, std::size_t))
{
    const std::size_t heap_bytes = static_cast<std::size_t>(state.range(0)) << 20;
    std::vector<void *> all;
    for (std::size_t bytes = 0; bytes < heap_bytes; bytes += 4096)
        all.push_back(zc_malloc(4096));
    std::vector<void *> blocks(lookups);
    Random random(5);
    for (void *&block : blocks)
        block = all[random.below(static_cast<std::uint32_t>(all.size()))];
    for (auto _ : state)
        benchmark::DoNotOptimize(get(blocks.data(), lookups));
    for (void *block : all)
        zc_free(block);
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(lookups));
}

void class_map_get(benchmark::State &state)
{
    lookup(state, layer_class_map_get);
}

void pagemap_get(benchmark::State &state)
{
    lookup(state, layer_pagemap_get);
}

// --- thread cache -------------------------------------------------------------------------------

void cache_pair(benchmark::State &state)
{
    const auto size = static_cast<std::size_t>(state.range(0));
    zc_free(zc_malloc(size));
    std::size_t served = 0;
    for (auto _ : state)
        served += layer_cache_pairs(size, lookups);
    if (served != static_cast<std::size_t>(state.iterations()) * lookups)
        state.SkipWithError("the cache did not serve every pair");
    state.SetItemsProcessed(static_cast<std::int64_t>(served));
}

// --- central ------------------------------------------------------------------------------------

void depot_pass(benchmark::State &state)
{
    const auto size = static_cast<std::size_t>(state.range(0));
    const auto start = static_cast<std::size_t>(state.thread_index());
    struct batch *batch = layer_batch_alloc(size);
    for (auto _ : state)
        batch = layer_depot_pass(size, start, batch);
    layer_batch_free(batch);
    state.SetItemsProcessed(state.iterations());
}

// One batch of blocks each time; items are blocks.
void central_pass(benchmark::State &state)
{
    const auto size = static_cast<std::size_t>(state.range(0));
    std::vector<void *> blocks(layer_batch_of(size));
    std::int64_t passed = 0;
    for (auto _ : state)
        passed += static_cast<std::int64_t>(layer_central_pass(size, blocks.data(), blocks.size()));
    state.SetItemsProcessed(passed);
}

// What a thread holds while it fetches more: the fullest span is another one each time.
void central_keep(benchmark::State &state)
{
    const auto size = static_cast<std::size_t>(state.range(0));
    std::vector<void *> kept(10000);
    for (void *&block : kept)
        block = zc_malloc(size);
    for (std::size_t i = 0; i < kept.size(); i += 2)
        zc_free(kept[i]);
    central_pass(state);
    for (std::size_t i = 1; i < kept.size(); i += 2)
        zc_free(kept[i]);
}

void page_heap_pass(benchmark::State &state)
{
    std::int64_t passed = 0;
    for (auto _ : state)
        passed += layer_page_heap_pass(static_cast<std::size_t>(state.range(0)));
    state.SetItemsProcessed(passed);
}

void run_cache_pass(benchmark::State &state)
{
    std::int64_t passed = 0;
    for (auto _ : state)
        passed += layer_run_cache_pass(static_cast<std::size_t>(state.range(0)));
    state.SetItemsProcessed(passed);
}

void granules(benchmark::internal::Benchmark *bench)
{
    bench->ArgName("granules")->Arg(1)->Arg(8)->Arg(64);
    all_thread_counts(bench);
}

BENCHMARK(class_of_size)->ArgName("sizes_to")->Arg(128)->Arg(1024)->Arg(65536);
BENCHMARK(class_map_get)->ArgName("heap_MiB")->Arg(1)->Arg(64)->Arg(1024);
BENCHMARK(pagemap_get)->ArgName("heap_MiB")->Arg(1)->Arg(64)->Arg(1024);
BENCHMARK(cache_pair)->ArgName("size")->Arg(16)->Arg(256)->Arg(1024);
BENCHMARK(depot_pass)->Apply(every_thread_count);
BENCHMARK(central_pass)->Apply(every_thread_count);
BENCHMARK(central_keep)->ArgName("size")->Arg(16)->Arg(256)->Arg(4096);
BENCHMARK(page_heap_pass)->Apply(granules);
BENCHMARK(run_cache_pass)->Apply(granules);

} // namespace

BENCHMARK_MAIN();
