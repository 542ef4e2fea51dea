/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* print.c - see print.h. */
#include "base/print.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static char *buffer_of(struct print *out)
{
    return out->larger != NULL ? out->larger : out->text;
}

size_t zci_print_room(const struct print *out)
{
    return (out->larger != NULL ? out->larger_bytes : ZCI_PRINT_BYTES) - out->length;
}

void zci_print_text(struct print *out, const char *text)
{
    while (*text != '\0' && zci_print_room(out) != 0)
        buffer_of(out)[out->length++] = *text++;
}

static void print_digits(struct print *out, uint64_t value, unsigned base, unsigned width)
{
    char digits[24];
    char *at = digits + sizeof digits;
    *--at = '\0';
    do {
        *--at = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    for (size_t have = strlen(at); have < width; have++)
        zci_print_text(out, " ");
    zci_print_text(out, at);
}

void zci_print_number(struct print *out, uint64_t value)
{
    print_digits(out, value, 10, 0);
}

void zci_print_column(struct print *out, uint64_t value, unsigned width)
{
    print_digits(out, value, 10, width);
}

void zci_print_hex(struct print *out, uint64_t value)
{
    zci_print_text(out, "0x");
    print_digits(out, value, 16, 0);
}

void zci_print_kib(struct print *out, uint64_t bytes, unsigned width)
{
    print_digits(out, (bytes + 1023) / 1024, 10, width);
    zci_print_text(out, " KiB");
}

void zci_print_label(struct print *out, const char *text, unsigned width)
{
    size_t start = out->length;
    zci_print_text(out, text);
    while (out->length - start < width && zci_print_room(out) != 0)
        zci_print_text(out, " ");
}

void zci_print_flush(struct print *out, int fd)
{
    int saved = errno;
    size_t done = 0;
    while (out->error == 0 && done < out->length) {
        ssize_t n = write(fd, buffer_of(out) + done, out->length - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n > 0)
            done += (size_t)n;
        else
            out->error = n < 0 ? errno : EIO;
    }
    out->length = 0;
    errno = saved;
}
