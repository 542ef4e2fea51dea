/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* size_class.c - the tables of size_class.h, spelled out by the compiler from size_class.def. */
#include "base/size_class.h"

const struct size_class zci_size_classes[ZCI_CLASS_COUNT] = {
#define SIZE_CLASS(index, size, before, span_granules, blocks)                                     \
    [index] = {.bytes = (size),                                                                    \
               .capacity = (span_granules)*65536 / (size),                                         \
               .granules = (span_granules),                                                        \
               .batch = (blocks),                                                                  \
               .eighths = (8U << SIZE_CLASS_EIGHTHS_SHIFT) / ((span_granules)*65536 / (size)),     \
               .reciprocal = SIZE_CLASS_RECIPROCAL(size)},
#include "base/size_class.def"
#undef SIZE_CLASS
};

/* The first class also serves size 0, so that malloc(0) costs no branch. */
const uint16_t zci_size_to_bin[(ZCI_SMALL_MAX_BYTES >> 3) + 1] = {
#define SIZE_CLASS(index, size, before, span_granules, blocks)                                     \
    [(before) == 0 ? 0 : (before) / 8 + 1 ...(size) / 8] =                                         \
        ((index) < ZCI_CLASS_FIRST ? ZCI_CLASS_FIRST : (index)) * ZCI_BIN_BYTES,
#include "base/size_class.def"
#undef SIZE_CLASS
};

ZCI_STATIC_ASSERT(ZCI_CLASS_PRIVATE < 128, "a class map byte holds twice the class");

#define SIZE_CLASS(index, size, before, span_granules, blocks)                                     \
    ZCI_STATIC_ASSERT((size) % 8 == 0 && (size) > (before),                                        \
                      "classes are multiples of 8 and rise");                                      \
    ZCI_STATIC_ASSERT((blocks) >= 2 && (blocks) <= ZCI_BATCH_MAX, "a batch fits its array");       \
    ZCI_STATIC_ASSERT((span_granules) <= 16, "size_class_index is exact below 2^20 bytes");        \
    ZCI_STATIC_ASSERT((span_granules)*65536 / (size) <= UINT16_MAX, "a span counts its blocks");
#include "base/size_class.def"
#undef SIZE_CLASS
