/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* dlopen_guest.h - what dlopen_guest.c offers; looked up by name. */
#ifndef TESTS_INSTALL_DLOPEN_GUEST_H
#define TESTS_INSTALL_DLOPEN_GUEST_H

#include <stddef.h>

#define GUEST_EXPORT __attribute__((visibility("default")))

GUEST_EXPORT void *guest_zc_malloc(size_t size);
GUEST_EXPORT void guest_zc_free(void *block);
GUEST_EXPORT void *guest_malloc(size_t size);
GUEST_EXPORT void guest_free(void *block);
GUEST_EXPORT int guest_owns(const void *block);
GUEST_EXPORT size_t guest_trim(void);

#endif
