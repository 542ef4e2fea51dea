/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* print.h - formats text into a caller's buffer and writes it to a file descriptor.
 * Invariants: never allocates, never uses stdio, never touches errno; text that does not fit is cut.
 * Locking:    none; each buffer belongs to its caller. */
#ifndef ZCI_BASE_PRINT_H
#define ZCI_BASE_PRINT_H

#include <stddef.h>
#include <stdint.h>

#define ZCI_PRINT_BYTES 512

/* All zeros: 512 bytes of its own. */
struct print {
    size_t length;
    int error;    /* of the first write that failed; nothing is written after it */
    char *larger; /* or NULL: text is used */
    size_t larger_bytes;
    char text[ZCI_PRINT_BYTES];
};

/* How much more there is room for. */
size_t zci_print_room(const struct print *out);

void zci_print_text(struct print *out, const char *text);
void zci_print_number(struct print *out, uint64_t value);
/* Right-aligned in width columns. */
void zci_print_column(struct print *out, uint64_t value, unsigned width);
/* 0x followed by the digits needed. */
void zci_print_hex(struct print *out, uint64_t value);
/* Bytes in KiB, right-aligned in width columns. */
void zci_print_kib(struct print *out, uint64_t bytes, unsigned width);
/* Left-aligned text, padded with blanks to width. */
void zci_print_label(struct print *out, const char *text, unsigned width);
/* Writes what has been collected with one write(2) where the kernel takes it, and starts anew. */
void zci_print_flush(struct print *out, int fd);

#endif
