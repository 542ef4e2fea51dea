/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* size_class_test.c - the rules of the size-class table, for every class and every size. */
#include "base/bits.h"
#include "base/size_class.h"
#include "support/check.h"

static void classes_rise_and_waste_little(void)
{
    for (unsigned c = 1; c < ZCI_CLASS_COUNT; c++) {
        const struct size_class *size_class = &zci_size_classes[c];
        size_t before = zci_size_classes[c - 1].bytes;
        CHECK(size_class->bytes > before);
        /* The smallest request of this class wastes the most: at most 1/8, or less than 16 bytes. */
        size_t waste = size_class->bytes - (before + 1);
        CHECK(waste * 8 <= size_class->bytes || waste < 16);
        CHECK(size_class->bytes % 16 == 0 || size_class->bytes == 8);
    }
    CHECK_EQ(zci_size_classes[ZCI_CLASS_COUNT - 1].bytes, ZCI_SMALL_MAX_BYTES);
}

static void spans_waste_little(void)
{
    for (unsigned c = 1; c < ZCI_CLASS_COUNT; c++) {
        const struct size_class *size_class = &zci_size_classes[c];
        size_t span = size_class->granules * ZCI_GRANULE_BYTES;
        CHECK_EQ(size_class->capacity, span / size_class->bytes);
        CHECK((span - size_class->capacity * size_class->bytes) * 8 <= span);
        CHECK(size_class->batch >= 2 && size_class->batch <= ZCI_BATCH_MAX);
        CHECK(size_class->capacity >= 4);
    }
}

static void each_size_has_the_smallest_class_that_holds_it(void)
{
    size_t wrong = 0;
    for (size_t size = 0; size <= ZCI_SMALL_MAX_BYTES; size++) {
        unsigned c = size_class_of(size);
        bool holds = c >= 1 && c < ZCI_CLASS_COUNT && zci_size_classes[c].bytes >= size;
        bool smallest = c == ZCI_CLASS_FIRST || zci_size_classes[c - 1].bytes < size;
        wrong += !holds || !smallest;
    }
    CHECK_EQ(wrong, 0);
}

/* The rule that heap.c uses for aligned requests. */
static void rounded_aligned_requests_land_on_aligned_classes(void)
{
    size_t wrong = 0;
    for (size_t align = 1; align <= ZCI_SMALL_MAX_BYTES; align *= 2) {
        for (size_t size = 1; size <= ZCI_SMALL_MAX_BYTES; size++) {
            size_t rounded = ((align - 1) | (size - 1)) + 1;
            wrong += rounded > ZCI_SMALL_MAX_BYTES ||
                     zci_size_classes[size_class_of(rounded)].bytes % align != 0;
        }
    }
    CHECK_EQ(wrong, 0);
}

static void index_and_start_are_exact_for_each_offset(void)
{
    size_t wrong = 0;
    for (unsigned c = 1; c < ZCI_CLASS_COUNT; c++) {
        const struct size_class *size_class = &zci_size_classes[c];
        size_t span = size_class->granules * ZCI_GRANULE_BYTES;
        for (size_t offset = 0; offset < span; offset++) {
            uint32_t index;
            bool starts = size_class_starts(size_class, offset, &index);
            wrong += size_class_index(size_class, offset) != offset / size_class->bytes;
            wrong += index != offset / size_class->bytes;
            wrong += starts != (offset % size_class->bytes == 0);
        }
    }
    CHECK_EQ(wrong, 0);
}

int main(void)
{
    RUN(classes_rise_and_waste_little);
    RUN(spans_waste_little);
    RUN(each_size_has_the_smallest_class_that_holds_it);
    RUN(rounded_aligned_requests_land_on_aligned_classes);
    RUN(index_and_start_are_exact_for_each_offset);
    return check_done();
}
