/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* shard.c - how many shards there are. */
#include "central/shard.h"

#include "os/os.h"

uint32_t zci_shard_count = 1;
uint32_t zci_shard_most = 1;

void zci_shard_use(size_t number)
{
    if (number == 1) {
        uint32_t most = 1;
        while (most < ZCI_SHARDS && most < zci_os_cpu_count())
            most *= 2;
        atomic_store_relaxed(&zci_shard_most, most);
    }
    /* Nobody is misled by an old count: what it leaves out is looked at the next time. */
    if (number < atomic_load_relaxed(&zci_shard_most))
        atomic_store_relaxed(&zci_shard_count, (uint32_t)number + 1);
}
