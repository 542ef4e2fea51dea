/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* way_symbols.c - malloc as symbols of this image: calls go to the fast path, with no zone in between, and
 * pointers cross the border to the system's functions both ways, whether the zone is the default or not.
 * usage: way_symbols [off], with ZCMALLOC_PROMOTE=0, or linked without the object that promotes */
#include "darwin/zone.h"
#include "stress/pattern.h"

/* Newer than some SDKs. */
void *reallocarray(void *block, size_t count, size_t size);
void *malloc_type_malloc(size_t size, uint64_t type);
void *malloc_type_calloc(size_t count, size_t size, uint64_t type);
void *malloc_type_realloc(void *block, size_t size, uint64_t type);
void *malloc_type_valloc(size_t size, uint64_t type);
void *malloc_type_aligned_alloc(size_t alignment, size_t size, uint64_t type);
int malloc_type_posix_memalign(void **block, size_t alignment, size_t size, uint64_t type);
void malloc_type_free(void *block, uint64_t type);

static void borders_are_crossed(void)
{
    struct zone *last = zone_at(zone_count() - 1);
    struct zone *theirs = last != &zci_zone.zone ? last : zone_at(0);
    for (uint64_t i = 1; i < 300; i++) {
        uint64_t state = i;
        size_t size = random_size(&state, 17);
        /* Ours, freed by the system; the system's, freed by us. */
        void *ours = malloc(size);
        CHECK(is_ours(ours));
        malloc_zone_free(malloc_zone_from_ptr(ours), ours);
        void *foreign = theirs->malloc(theirs, size);
        CHECK(!is_ours(foreign) && malloc_size(foreign) >= size);
        foreign = realloc(foreign, size + 100);
        CHECK(!is_ours(foreign));
        free(foreign);
        free(strdup("a copy"));
    }
}

static void contracts_are_the_systems(void)
{
    void *block = malloc(100);
    void *aligned = NULL;
    CHECK(realloc(block, SIZE_MAX - 100) == NULL && malloc_size(block) >= 100);
    errno = 0;
    CHECK(reallocarray(block, SIZE_MAX / 2, 4) == NULL && errno == ENOMEM);
    CHECK(reallocf(block, SIZE_MAX - 100) == NULL && malloc_size(block) >= 0);
    CHECK(posix_memalign(&aligned, 24, 8) == EINVAL && posix_memalign(&aligned, 4, 8) == EINVAL);
    errno = 0;
    CHECK(aligned_alloc(64, 65) == NULL && errno == EINVAL);
    errno = 0;
    CHECK(aligned_alloc(4, 8) == NULL && errno == EINVAL);
    block = realloc(malloc(10), 0);
    CHECK(block != NULL && malloc_size(block) > 0);
    free(block);
    CHECK(malloc_good_size(SIZE_MAX - 5) >= SIZE_MAX - 5);
    CHECK(malloc_size(NULL) == 0 && malloc_size(&aligned) == 0);
}

/* What newer compilers call instead. */
static void typed_names_are_ours(void)
{
    void *aligned = NULL;
    CHECK_EQ(malloc_type_posix_memalign(&aligned, 64, 100, 1), 0);
    void *const blocks[] = {malloc_type_malloc(10, 1),
                            malloc_type_calloc(2, 5, 1),
                            malloc_type_realloc(NULL, 10, 1),
                            malloc_type_valloc(10, 1),
                            malloc_type_aligned_alloc(64, 128, 1),
                            aligned};
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
        CHECK(is_ours(blocks[i]));
        malloc_type_free(blocks[i], 1);
    }
}

int main(int argc, char **argv)
{
    bool is_off = argc > 1 && strcmp(argv[1], "off") == 0;
    CHECK_EQ(zc_zone_is_default(), !is_off);
    RUN(borders_are_crossed);
    RUN(contracts_are_the_systems);
    RUN(typed_names_are_ours);
    if (is_off)
        return check_done();
    /* The default zone is all that is uninstalled. */
    CHECK_EQ(zc_zone_uninstall(), 0);
    CHECK_EQ(zc_zone_is_default(), 0);
    CHECK(is_ours(malloc(10)) && !is_ours(malloc_zone_malloc(malloc_default_zone(), 10)));
    RUN(borders_are_crossed);
    return check_done();
}
