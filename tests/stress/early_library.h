/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* early_library.h - see early_library.c. */
#ifndef TESTS_STRESS_EARLY_LIBRARY_H
#define TESTS_STRESS_EARLY_LIBRARY_H

/* 100 times 'e', allocated by the library's constructor. */
const char *early_library_block(void);

#endif
