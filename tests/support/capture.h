/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* capture.h - what a call writes to a file descriptor.
 * Invariants: never allocates; nothing but the descriptor changes. One capture per descriptor at
 * a time.
 * Costs:      an anonymous file, so that any amount of output fits without a reader. */
#ifndef TESTS_SUPPORT_CAPTURE_H
#define TESTS_SUPPORT_CAPTURE_H

#include "tests/support/check.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

struct capture {
    int target; /* the descriptor under observation */
    int saved;  /* where it pointed before */
    int file;
};

static inline int anonymous_file(void)
{
#if defined(__linux__)
    return memfd_create("capture", MFD_CLOEXEC);
#else
    char path[] = "/tmp/zcmalloc.capture.0000000000";
    char *digit = path + sizeof path - 1;
    for (long id = getpid(); id != 0; id /= 10)
        *--digit = (char)('0' + id % 10);
    int file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    unlink(path);
    return file;
#endif
}

/* 1 on success. */
static inline int capture_begin(struct capture *capture, int target)
{
    capture->target = target;
    capture->saved = dup(target);
    capture->file = anonymous_file();
    return CHECK(capture->saved >= 0 && capture->file >= 0 &&
                 dup2(capture->file, target) == target);
}

/* Restores the descriptor, puts the output into text, cut to capacity - 1, and returns its
 * length. */
static inline size_t capture_end(struct capture *capture, char *text, size_t capacity)
{
    size_t length = 0;
    dup2(capture->saved, capture->target);
    close(capture->saved);
    while (length + 1 < capacity) {
        ssize_t got = pread(capture->file, text + length, capacity - 1 - length, (off_t)length);
        if (got <= 0)
            break;
        length += (size_t)got;
    }
    text[length] = '\0';
    close(capture->file);
    return length;
}

#endif
