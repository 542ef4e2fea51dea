/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* meta_arena_test.c - blocks, groups of blocks and the pages given back in between: no two overlap, and not a byte of
 * what is mapped is lost. */
#include "os/footprint.h"
#include "os/os.h"
#include "pagemap/meta_arena.h"
#include "support/check.h"

#include <stdint.h>

#define TOP          (ZCI_META_GRADES - 1)
#define TOP_BYTES    ZCI_META_GRADE_BYTES(TOP)
#define GROUP_COUNT  (ZCI_META_GROUP_BYTES / TOP_BYTES)
#define CHUNK_HEADER 64

/* At the front of each block that is out; the rest of it is filled with its address. */
struct piece {
    struct piece *next;
    size_t bytes;
    unsigned grade; /* ZCI_META_GRADES: not to be freed */
};

static struct piece *pieces;
static uint64_t out_bytes;
static size_t chunk_count;
static uint64_t mapped_before;

static void note_chunks(void)
{
    chunk_count += zci_meta_mapped_bytes() != mapped_before;
    mapped_before = zci_meta_mapped_bytes();
}

static bool take(void *block, size_t bytes, unsigned grade)
{
    struct piece *piece = block;
    note_chunks();
    if (block == NULL)
        return false;
    CHECK_EQ((uintptr_t)block % 64, 0);
    *piece = (struct piece){pieces, bytes, grade};
    for (void **at = (void **)(piece + 1); at < (void **)((char *)block + bytes); at++)
        *at = block;
    pieces = piece;
    out_bytes += bytes;
    return true;
}

static bool take_block(unsigned grade)
{
    return take(zci_meta_block_alloc(grade), ZCI_META_GRADE_BYTES(grade), grade);
}

/* How many. *is_apart: it has its pages for itself. */
static unsigned take_group(bool *is_apart)
{
    void *blocks[GROUP_COUNT];
    unsigned count = zci_meta_group_alloc(TOP, blocks);
    *is_apart = count == GROUP_COUNT && (uintptr_t)blocks[0] % ZCI_META_GROUP_ALIGN == 0;
    for (unsigned i = 0; i < count; i++) {
        *is_apart &= (char *)blocks[i] == (char *)blocks[0] + i * TOP_BYTES;
        CHECK(take(blocks[i], TOP_BYTES, TOP));
    }
    note_chunks();
    return count;
}

static size_t count_overwritten(void)
{
    size_t count = 0;
    for (struct piece *piece = pieces; piece != NULL; piece = piece->next)
        for (void **at = (void **)(piece + 1); at < (void **)((char *)piece + piece->bytes); at++)
            count += *at != piece;
    return count;
}

static void free_blocks(void)
{
    struct piece *piece = pieces;
    pieces = NULL;
    while (piece != NULL) {
        struct piece *next = piece->next;
        if (piece->grade < ZCI_META_GRADES) {
            out_bytes -= piece->bytes;
            zci_meta_block_free(piece, piece->grade);
        } else {
            piece->next = pieces;
            pieces = piece;
        }
        piece = next;
    }
}

#define ROUNDS 150

/* How many groups have their pages for themselves. */
static size_t take_some(void)
{
    enum { LARGE = 100 << 10 };

    size_t apart_count = 0;
    for (int round = 0; round < ROUNDS; round++) {
        bool is_apart;
        CHECK(take_group(&is_apart) != 0);
        apart_count += is_apart;
        for (unsigned grade = 0; grade < ZCI_META_GRADES - 1; grade++)
            CHECK(take_block(grade));
        if (round % 50 == 49)
            CHECK(take(zci_meta_alloc(LARGE), LARGE, ZCI_META_GRADES));
    }
    return apart_count;
}

static void groups_overlap_nothing(void)
{
    for (int round = 0; round < 8; round++) {
        size_t apart_count = take_some();
        /* Later some are of blocks that were free, or of what pages given back had left. */
        CHECK(apart_count == ROUNDS || (round > 0 && apart_count > ROUNDS / 2));
        CHECK_EQ(count_overwritten(), 0);
        free_blocks();
        CHECK(zci_os_purge_needs_reuse() || zci_meta_purge(0) > (size_t)1 << 20);
    }
}

static void not_a_byte_is_lost(void)
{
    bool is_apart;
    zci_footprint_set_hard_limit(1);
    while (take_group(&is_apart) != 0) {
    }
    for (unsigned grade = ZCI_META_GRADES; grade > 0; grade--)
        while (take_block(grade - 1)) {
        }
    CHECK_EQ(count_overwritten(), 0);
    CHECK_EQ(out_bytes, zci_meta_mapped_bytes() - chunk_count * CHUNK_HEADER);
}

int main(void)
{
    RUN(groups_overlap_nothing);
    RUN(not_a_byte_is_lost);
    return check_done();
}
