/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* check.c - see check.h. One fixed phrase per mistake: tests and crash reports search for it. */
#include "base/check.h"

#include "base/print.h"

#include <stdint.h>
#include <stdlib.h>

static ZCI_NORETURN void die(struct print *out)
{
    zci_print_text(out, "\n");
    zci_print_flush(out, 2);
    abort();
}

static ZCI_NORETURN void die_of_pointer(const char *verb, const char *what, const void *block,
                                        size_t class_bytes)
{
    struct print out = {0};
    zci_print_text(&out, "zcmalloc: ");
    zci_print_text(&out, verb);
    zci_print_text(&out, what);
    zci_print_text(&out, ": pointer ");
    zci_print_hex(&out, (uintptr_t)block);
    if (class_bytes != 0) {
        zci_print_text(&out, ", class of ");
        zci_print_number(&out, class_bytes);
        zci_print_text(&out, " bytes");
    }
    die(&out);
}

void zci_report_broken(const char *condition, const char *file, int line)
{
    struct print out = {0};
    zci_print_text(&out, "zcmalloc: broken invariant: ");
    zci_print_text(&out, condition);
    zci_print_text(&out, " at ");
    zci_print_text(&out, file);
    zci_print_text(&out, ":");
    zci_print_number(&out, (uint64_t)line);
    die(&out);
}

void zci_report_double_free(const void *block, size_t class_bytes)
{
    die_of_pointer("double free", "", block, class_bytes);
}

void zci_report_interior_free(const void *block, size_t class_bytes)
{
    die_of_pointer("free", " of an interior pointer", block, class_bytes);
}

void zci_report_not_a_block(const char *verb, const void *block)
{
    die_of_pointer(verb, " of a pointer that is not a block", block, 0);
}

void zci_report_other_heap(const char *verb, const void *block)
{
    die_of_pointer(verb, " of a block of another heap", block, 0);
}

void zci_report_dead_heap(const char *verb, const void *heap)
{
    die_of_pointer(verb, " with a heap that does not exist", heap, 0);
}
