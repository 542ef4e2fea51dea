/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* fuzz_api.c - the whole zc_ API against a shadow model; each input is a program of operations.
 *
 * Three bytes and operands make an operation: what, on which slot, on which thread. The model is a
 * fixed table of what every live block must be; it knows overlap, alignment, contents, zeroing,
 * errno, usable size and ownership. A difference ends the process by abort, which is what libFuzzer
 * looks for.
 * Invariants: the model never allocates; an input leaves nothing allocated behind.
 * Costs:      live bytes are bounded, threads per input are, too. */
#include "fuzz/fuzz_api.h"

#include "stress/pattern.h"
#include "zcmalloc.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    SLOT_COUNT = 128,
    OPERATIONS_MAX = 600,   /* per input */
    SHORT_THREADS_MAX = 12, /* per input */
    LIVE_BYTES_MAX = 48 << 20,
    ERRNO_MARK = 4242 /* no error's number */
};

struct slot {
    unsigned char *block; /* NULL: nothing allocated */
    size_t size;          /* asked for */
    size_t usable;
    size_t alignment; /* asked for */
    uint64_t mark;    /* of the contents, which are size bytes long */
};

struct reader {
    const uint8_t *data;
    size_t left;
};

struct operation {
    unsigned what;
    unsigned where; /* 0, 1: this thread; 2: the helper; 3: a thread of its own */
    struct slot *slot;
    size_t size;
    size_t alignment;
    size_t number; /* whatever else is needed */
};

static struct slot slots[SLOT_COUNT];
static size_t live_bytes;
static uint64_t operation_count; /* since the start: makes each block's contents its own */

static void fail(const char *what, int line)
{
    char digits[12];
    char *at = digits + sizeof digits;
    *--at = '\n';
    for (; line != 0; line /= 10)
        *--at = (char)('0' + line % 10);
    if (write(2, "fuzz_api: expected ", 19) > 0 && write(2, what, strlen(what)) > 0 &&
        write(2, " at line ", 9) > 0 && write(2, at, (size_t)(digits + sizeof digits - at)) > 0)
        abort();
    abort();
}

#define EXPECT(condition) ((condition) ? (void)0 : fail(#condition, __LINE__))

/* --- the model ------------------------------------------------------------------------------- */

static void slot_verify(const struct slot *slot)
{
    EXPECT(pattern_kept(slot->block, slot->size, slot->size, slot->mark));
}

static bool overlaps(const struct slot *one, const struct slot *other)
{
    uintptr_t a = (uintptr_t)one->block;
    uintptr_t b = (uintptr_t)other->block;
    return a < b + other->usable && b < a + one->usable;
}

/* Enters a block that the API has just given out, and fills it. */
static void slot_enter(struct slot *slot, void *block, size_t size, size_t alignment)
{
    slot->block = block;
    slot->size = size;
    slot->alignment = alignment;
    slot->usable = zc_malloc_usable_size(block);
    EXPECT(slot->usable >= size);
    EXPECT(((uintptr_t)block & (alignment - 1)) == 0);
    EXPECT(((uintptr_t)block & (size > 8 ? 15 : 7)) == 0);
    EXPECT(zc_owns(block) == 1);
    EXPECT(zc_owns(slot->block + 1) == 0);
    for (int i = 0; i < SLOT_COUNT; i++)
        EXPECT(slots[i].block == NULL || &slots[i] == slot || !overlaps(&slots[i], slot));
    live_bytes += slot->usable;
    slot->mark = pattern_mark(block, size, operation_count);
    pattern_fill(block, size, slot->mark);
}

/* The block is about to go: its contents must still be there. */
static void slot_leave(struct slot *slot)
{
    slot_verify(slot);
    live_bytes -= slot->usable;
    slot->block = NULL;
}

/* --- operations ------------------------------------------------------------------------------ */

static void free_slot(struct slot *slot, unsigned how)
{
    unsigned char *block = slot->block;
    slot_leave(slot);
    errno = ERRNO_MARK;
    switch (how % 4) {
    case 0:
        zc_free_sized(block, slot->size);
        break;
    case 1:
        zc_free_aligned_sized(block, slot->alignment, slot->size);
        break;
    default:
        zc_free(block);
        break;
    }
    EXPECT(errno == ERRNO_MARK);
}

static void *allocate(const struct operation *operation, size_t *alignment)
{
    size_t size = operation->size;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *block = NULL;
    *alignment = 1;
    switch (operation->what) {
    case 0:
        return zc_calloc(1 + operation->number % 7, size / (1 + operation->number % 7));
    case 1:
        *alignment = operation->alignment;
        return zc_memalign(operation->alignment, size);
    case 2:
        *alignment = operation->alignment;
        return zc_aligned_alloc(operation->alignment, size);
    case 3:
        *alignment = operation->alignment < sizeof(void *) ? sizeof(void *) : operation->alignment;
        errno = ERRNO_MARK;
        EXPECT(zc_posix_memalign(&block, *alignment, size) == 0);
        EXPECT(errno == ERRNO_MARK);
        return block;
    case 4:
        *alignment = page;
        return operation->number % 2 != 0 ? zc_valloc(size) : zc_pvalloc(size);
    default:
        return zc_malloc(size);
    }
}

static void do_allocate(const struct operation *operation)
{
    size_t alignment;
    if (operation->slot->block != NULL)
        free_slot(operation->slot, (unsigned)operation->number);
    if (live_bytes + operation->size + operation->alignment > LIVE_BYTES_MAX)
        return;
    void *block = allocate(operation, &alignment);
    EXPECT(block != NULL);
    size_t size = operation->size;
    if (operation->what == 0) {
        size -= size % (1 + operation->number % 7);
        EXPECT(pattern_is_zero(block, size));
    }
    slot_enter(operation->slot, block, size, alignment);
    if (operation->what > 4)
        EXPECT(operation->slot->usable == zc_malloc_good_size(size));
}

static void do_resize(const struct operation *operation)
{
    struct slot *slot = operation->slot;
    size_t size = operation->size;
    size_t old_usable = slot->block == NULL ? 0 : slot->usable;
    if (live_bytes - old_usable + size > LIVE_BYTES_MAX)
        return;
    if (slot->block != NULL)
        slot_verify(slot);
    bool by_array = operation->number % 2 != 0;
    if (by_array)
        size -= size % 3;
    void *resized =
        by_array ? zc_reallocarray(slot->block, size / 3, 3) : zc_realloc(slot->block, size);
    if (slot->block != NULL)
        live_bytes -= slot->usable;
    if (slot->block != NULL && size == 0) {
        EXPECT(resized == NULL);
        slot->block = NULL;
        return;
    }
    EXPECT(resized != NULL);
    if (slot->block != NULL)
        EXPECT(pattern_kept(resized, slot->size, size, slot->mark));
    slot_enter(slot, resized, size, 1);
}

/* The program may use all that usable_size says. */
static void do_use_all(const struct operation *operation)
{
    struct slot *slot = operation->slot;
    if (slot->block == NULL)
        return;
    slot_verify(slot);
    EXPECT(zc_malloc_usable_size(slot->block) == slot->usable);
    slot->size = slot->usable;
    slot->mark = pattern_mark(slot->block, slot->size, operation_count);
    pattern_fill(slot->block, slot->size, slot->mark);
}

static void expect_failure(const void *block, int error)
{
    EXPECT(block == NULL);
    EXPECT(errno == error);
    errno = ERRNO_MARK;
}

/* Sizes and alignments that must be refused; a block that could not be resized stays as it is. */
static void do_refuse(const struct operation *operation)
{
    static const size_t bad_alignments[] = {3, 24, 4095, 100000};
    struct slot *slot = operation->slot;
    size_t small = operation->size % 100000;
    size_t alignment = operation->alignment;
    size_t bad = bad_alignments[operation->number % 4];
    volatile size_t most = SIZE_MAX; /* the compiler is not to know */
    volatile size_t huge = SIZE_MAX / 2 + small + 1;
    volatile size_t half = SIZE_MAX / 2 + 2;
    void *untouched = &slots;
    errno = ERRNO_MARK;
    expect_failure(zc_malloc(huge), ENOMEM);
    expect_failure(zc_malloc(most - small), ENOMEM);
    expect_failure(zc_malloc(most / 2 - small), ENOMEM);
    expect_failure(zc_calloc(1, huge), ENOMEM);
    expect_failure(zc_calloc(half, 2 + small), ENOMEM);
    expect_failure(zc_memalign(alignment, huge), ENOMEM);
    expect_failure(zc_aligned_alloc(alignment, most - small), ENOMEM);
    expect_failure(zc_valloc(most - small), ENOMEM);
    expect_failure(zc_pvalloc(most - small), ENOMEM);
    expect_failure(zc_aligned_alloc(bad, small), EINVAL);
    expect_failure(zc_memalign(half, small), EINVAL);
    EXPECT(zc_posix_memalign(&untouched, bad, small) == EINVAL);
    EXPECT(zc_posix_memalign(&untouched, sizeof(void *) / 2, small) == EINVAL);
    EXPECT(zc_posix_memalign(&untouched, 64, huge) == ENOMEM);
    EXPECT(untouched == &slots && errno == ERRNO_MARK);
    if (slot->block == NULL)
        return;
    expect_failure(zc_realloc(slot->block, huge), ENOMEM);
    expect_failure(zc_reallocarray(slot->block, half, 2 + small), ENOMEM);
    slot_verify(slot);
    EXPECT(zc_malloc_usable_size(slot->block) == slot->usable);
}

static void do_look(const struct operation *operation)
{
    struct zc_stats stats;
    struct slot *slot = operation->slot;
    size_t size = operation->size;
    EXPECT(zc_malloc_usable_size(NULL) == 0);
    EXPECT(zc_owns(NULL) == 0 && zc_owns(&stats) == 0 && zc_owns(slots) == 0);
    EXPECT(zc_owns((void *)(uintptr_t)(operation->number * 0x9E3779B97F4A7C15U | 1)) == 0);
    EXPECT(zc_malloc_good_size(size) >= size);
    EXPECT(zc_malloc_good_size(zc_malloc_good_size(size)) == zc_malloc_good_size(size));
    EXPECT(zc_stats_get(&stats, sizeof stats) == 0);
    EXPECT(stats.version == ZC_STATS_VERSION);
    if (slot->block != NULL)
        slot_verify(slot);
}

static void do_trim(const struct operation *operation)
{
    errno = ERRNO_MARK;
    zc_free(NULL);
    if (operation->number % 4 == 0)
        zc_trim(operation->number % 8 != 0 ? 0 : operation->size);
    EXPECT(errno == ERRNO_MARK);
}

static void perform(const struct operation *operation)
{
    switch (operation->what) {
    case 12:
    case 13:
    case 14:
        do_resize(operation);
        break;
    case 15:
        do_refuse(operation);
        break;
    case 16:
        do_use_all(operation);
        break;
    case 17:
        do_look(operation);
        break;
    case 18:
        do_trim(operation);
        break;
    case 19:
    case 20:
    case 21:
    case 22:
    case 23:
        if (operation->slot->block != NULL)
            free_slot(operation->slot, (unsigned)operation->number);
        break;
    default:
        do_allocate(operation);
        break;
    }
}

/* --- threads --------------------------------------------------------------------------------- */

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    const struct operation *operation; /* NULL: done; under mutex */
    bool started;
} helper = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void *help(void *unused)
{
    pthread_mutex_lock(&helper.mutex);
    for (;;) {
        while (helper.operation == NULL)
            pthread_cond_wait(&helper.changed, &helper.mutex);
        perform(helper.operation);
        helper.operation = NULL;
        pthread_cond_broadcast(&helper.changed);
    }
    return unused;
}

static void perform_on_helper(const struct operation *operation)
{
    pthread_t thread;
    if (!helper.started) {
        EXPECT(pthread_create(&thread, NULL, help, NULL) == 0);
        pthread_detach(thread);
        helper.started = true;
    }
    pthread_mutex_lock(&helper.mutex);
    helper.operation = operation;
    pthread_cond_broadcast(&helper.changed);
    while (helper.operation != NULL)
        pthread_cond_wait(&helper.changed, &helper.mutex);
    pthread_mutex_unlock(&helper.mutex);
}

static void *perform_and_die(void *operation)
{
    perform(operation);
    return NULL;
}

static void perform_on_new_thread(struct operation *operation)
{
    pthread_t thread;
    EXPECT(pthread_create(&thread, NULL, perform_and_die, operation) == 0);
    EXPECT(pthread_join(thread, NULL) == 0);
}

/* --- inputs ---------------------------------------------------------------------------------- */

static size_t read_byte(struct reader *reader)
{
    if (reader->left == 0)
        return 0;
    reader->left--;
    return *reader->data++;
}

/* Sizes near every boundary, small ones in most cases. */
static size_t read_size(struct reader *reader)
{
    size_t kind = read_byte(reader);
    size_t value = read_byte(reader);
    value |= read_byte(reader) << 8;
    switch (kind % 16) {
    case 0:
    case 1:
    case 2:
    case 3:
        return value % 64;
    case 4:
    case 5:
    case 6:
        return value % 1100;
    case 7:
    case 8:
        return value % 9000;
    case 9:
    case 10:
        return value;
    case 11:
        return 65536 - 20 + value % 40;
    case 12:
        return value * 16;
    case 13:
        return value % 4 != 0 ? value : value * 64;
    case 14:
        return ((size_t)4 << value % 20) - 4 + value % 9;
    default:
        return value % 64 != 0 ? value : ((size_t)32 << 20) - 8 + value % 17;
    }
}

static void read_operation(struct reader *reader, struct operation *operation)
{
    size_t what = read_byte(reader);
    size_t alignment_log2;
    operation->what = (unsigned)(what & 63) % 24;
    operation->where = (unsigned)(what >> 6);
    operation->slot = &slots[read_byte(reader) % SLOT_COUNT];
    operation->number = read_byte(reader);
    operation->size = read_size(reader);
    alignment_log2 = operation->number % 32;
    operation->alignment = (size_t)1 << (alignment_log2 > 22 ? alignment_log2 % 8 : alignment_log2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader reader = {data, size};
    int short_threads_left = SHORT_THREADS_MAX;
    for (int i = 0; i < OPERATIONS_MAX && reader.left != 0; i++) {
        struct operation operation;
        read_operation(&reader, &operation);
        operation_count++;
        if (operation.where == 2)
            perform_on_helper(&operation);
        else if (operation.where == 3 && short_threads_left-- > 0)
            perform_on_new_thread(&operation);
        else
            perform(&operation);
    }
    for (int i = 0; i < SLOT_COUNT; i++) {
        if (slots[i].block != NULL)
            free_slot(&slots[i], (unsigned)i);
    }
    EXPECT(live_bytes == 0);
    return 0;
}
