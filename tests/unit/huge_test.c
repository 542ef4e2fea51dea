/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* huge_test.c - the page map's entry of a huge block's address is another thread's as soon as the OS has the address
 * back: here by an OS that at once gives it to somebody else. And a block's tables are made when the OS has given
 * memory. */
#include "central/huge.h"
#include "os/os.h"
#include "pagemap/meta_arena.h"
#include "pagemap/pagemap.h"
#include "support/check.h"
#include "zcmalloc.h"

#include <errno.h>

#define MIB ((size_t)1 << 20)
#define GIB ((size_t)1 << 30)

static struct os_calls calls;
static struct span others; /* the other thread's block */
static struct span *ours;
static int move_fails; /* on iOS always */
static size_t refuses_above = SIZE_MAX;
static size_t pretends_above = SIZE_MAX;

/* What the OS does with the address, and somebody else soon after. */
static void give_to_other(void *start)
{
    /* Else nothing was ever there. */
    if (zci_pagemap_root[(uintptr_t)start >> (PAGEMAP_LEAF_SHIFT + ZCI_GRANULE_SHIFT)] != NULL)
        pagemap_set((uintptr_t)start, &others);
}

static void is_not_ours(void *start)
{
    CHECK(pagemap_get((uintptr_t)start) != ours);
}

static int stays_where_it_is(void *start, size_t old_bytes, size_t new_bytes)
{
    (void)start, (void)old_bytes, (void)new_bytes;
    errno = ENOMEM;
    return -1;
}

static int move_mapping(void *from, void *to, size_t old_bytes, size_t new_bytes)
{
    if (move_fails) {
        errno = ENOMEM;
        return -1;
    }
    is_not_ours(from);
    int result = zci_os_calls_native.move_mapping(from, to, old_bytes, new_bytes);
    if (result == 0)
        give_to_other(from);
    return result;
}

/* Accounts for nothing, so any machine has so much. */
static int make_writable(void *start, size_t bytes)
{
    if (bytes > refuses_above) {
        errno = ENOMEM;
        return -1;
    }
    return bytes > pretends_above ? 0 : zci_os_calls_native.make_writable(start, bytes);
}

static int release(void *start, size_t bytes)
{
    int result = zci_os_calls_native.release(start, bytes);
    if (result == 0 && bytes >= MIB)
        give_to_other(start);
    return result;
}

static uintptr_t new_block(void)
{
    ours = zci_huge_alloc(300 * MIB, ZCI_GRANULE_BYTES); /* too long for the cache */
    CHECK(ours != NULL);
    return ours->start;
}

static void free_block(void)
{
    span_set_state(ours, SPAN_CACHED);
    zci_huge_free(ours);
}

static int moves_natively(void)
{
    void *from = zci_os_reserve(64 * MIB, ZCI_GRANULE_BYTES);
    void *to = zci_os_reserve(64 * MIB, ZCI_GRANULE_BYTES);
    CHECK(from != NULL && to != NULL && zci_os_commit(from, 64 * MIB) &&
          zci_os_commit(to, 64 * MIB));
    int moves = zci_os_calls_native.move_mapping(from, to, 64 * MIB, 64 * MIB) == 0;
    zci_os_release(to, 64 * MIB);
    return moves;
}

static void a_moved_block_leaves_its_address(void)
{
    if (move_fails)
        return;
    uintptr_t old = new_block();
    *(int *)old = 7;
    CHECK(zci_huge_resize(ours, 400 * MIB));
    CHECK(ours->start != old);
    CHECK_EQ(*(int *)ours->start, 7);
    CHECK(pagemap_get(old) == &others);
    CHECK(pagemap_get(ours->start) == ours);
    free_block();
}

static void a_block_that_cannot_move_keeps_its_entry(void)
{
    uintptr_t old = new_block();
    move_fails = 1;
    CHECK(!zci_huge_resize(ours, 400 * MIB));
    CHECK_EQ(ours->start, old);
    CHECK_EQ(ours->bytes, 300 * MIB);
    CHECK(pagemap_get(old) == ours);
    free_block();
}

/* Each 4 GiB of addresses that the page map covers would be one table more. */
static void a_long_block_needs_few_tables(void)
{
    uint64_t before = zci_meta_mapped_bytes();
    pretends_above = GIB;
    struct span *span = zci_huge_alloc(16 * GIB, ZCI_GRANULE_BYTES);
    pretends_above = SIZE_MAX;
    if (span == NULL) {
        check_skip("no address space for it");
        return;
    }
    CHECK(pagemap_get(span->start) == span);
    CHECK(zci_meta_mapped_bytes() <= before + MIB);
    ours = span;
    free_block();
}

static void what_the_os_refuses_costs_no_tables(void)
{
    (void)new_block();
    uint64_t before = zci_meta_mapped_bytes();
    refuses_above = GIB;
    CHECK(zci_huge_alloc(16 * GIB, ZCI_GRANULE_BYTES) == NULL);
    CHECK(!zci_huge_resize(ours, 16 * GIB));
    refuses_above = SIZE_MAX;
    CHECK_EQ(zci_meta_mapped_bytes(), before);
    free_block();
}

static void a_freed_block_leaves_its_address(void)
{
    uintptr_t old = new_block();
    free_block();
    CHECK(pagemap_get(old) == &others);
}

int main(void)
{
    zc_free(zc_malloc(1)); /* starts the allocator */
    move_fails = !moves_natively();
    calls = *zci_os_calls;
    calls.resize = stays_where_it_is;
    calls.move_mapping = move_mapping;
    calls.release = release;
    calls.make_writable = make_writable;
    zci_os_calls = &calls;
    RUN(a_moved_block_leaves_its_address);
    RUN(a_block_that_cannot_move_keeps_its_entry);
    RUN(a_freed_block_leaves_its_address);
    RUN(a_long_block_needs_few_tables);
    RUN(what_the_os_refuses_costs_no_tables);
    return check_done();
}
