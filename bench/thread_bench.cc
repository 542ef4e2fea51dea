// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the zcmalloc authors
//
// thread_bench.cc - blocks that die in another thread than they were born in, and threads that are
// born and die themselves.
#include "allocators.h"

#include <atomic>
#include <memory>
#include <thread>

namespace
{

constexpr int parcel_blocks = 256;
constexpr int parcels_under_way = 8;

// One producer, one consumer: parcels of blocks in fixed slots. Waiting yields, since there may be
// more threads than cores.
struct Channel {
    struct alignas(128) Slot {
        std::atomic<bool> is_full{false};
        void *blocks[parcel_blocks];
    };

    Slot slots[parcels_under_way];
    std::atomic<bool> is_closed{false};
};

template <class Allocator>
void free_parcels(Channel &channel)
{
    for (unsigned at = 0;; at++) {
        Channel::Slot &slot = channel.slots[at % parcels_under_way];
        while (!slot.is_full.load(std::memory_order_acquire)) {
            if (channel.is_closed.load(std::memory_order_acquire) &&
                !slot.is_full.load(std::memory_order_acquire))
                return;
            std::this_thread::yield();
        }
        for (void *block : slot.blocks)
            Allocator::free(block);
        slot.is_full.store(false, std::memory_order_release);
    }
}

// Each thread of the benchmark makes blocks for a partner that frees them: N threads are 2 N.
template <class Allocator>
void hand_over(benchmark::State &state)
{
    const auto size = static_cast<std::size_t>(state.range(0));
    const auto channel = std::make_unique<Channel>();
    std::thread partner(free_parcels<Allocator>, std::ref(*channel));
    unsigned at = 0;
    for (auto _ : state) {
        Channel::Slot &slot = channel->slots[at++ % parcels_under_way];
        while (slot.is_full.load(std::memory_order_acquire))
            std::this_thread::yield();
        for (void *&block : slot.blocks) {
            block = Allocator::alloc(size);
            *static_cast<char *>(block) = 1;
        }
        slot.is_full.store(true, std::memory_order_release);
    }
    channel->is_closed.store(true, std::memory_order_release);
    partner.join();
    state.SetItemsProcessed(state.iterations() * parcel_blocks);
}

template <class Allocator>
void live_and_die(std::uint64_t seed)
{
    constexpr int count = 100;
    Random random(seed);
    void *blocks[count];
    for (void *&block : blocks) {
        block = Allocator::alloc(1 + random.below(512));
        *static_cast<char *>(block) = 1;
    }
    for (void *block : blocks)
        Allocator::free(block);
}

template <class Allocator>
void thread_churn(benchmark::State &state)
{
    std::uint64_t seed = static_cast<std::uint64_t>(state.thread_index()) << 32;
    for (auto _ : state)
        std::thread(live_and_die<Allocator>, seed++).join();
    state.SetItemsProcessed(state.iterations());
}

const int registered[] = {
    register_both("hand_over", hand_over<Zc>, hand_over<System>,
                  [](benchmark::internal::Benchmark *bench) {
                      bench->Arg(16)->Arg(64)->Arg(1024)->Arg(16384);
                      bench->Threads(1)->Threads(2)->Threads(8)->UseRealTime();
                  }),
    register_both("thread_churn", thread_churn<Zc>, thread_churn<System>,
                  [](benchmark::internal::Benchmark *bench) {
                      bench->Threads(1)->Threads(2)->Threads(4)->UseRealTime();
                  }),
};

} // namespace

BENCHMARK_MAIN();
