/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* preload.h - what differs between systems when a library is put in front of a program's own.
 * Implemented by preload_linux.c and preload_darwin.c; the build picks one. */
#ifndef TOOLS_PRELOAD_H
#define TOOLS_PRELOAD_H

#include <stdbool.h>
#include <stddef.h>

/* The environment variable the dynamic linker reads, and the characters that part its entries. */
extern const char *const preload_variable;
extern const char *const preload_separators;

/* File names of the library, the most general first; ends with NULL. */
extern const char *const preload_file_names[];

/* Writes the path of the running executable; false if it cannot be told or does not fit. */
bool preload_own_path(char *path, size_t size);

/* Why the file at path is no library of ours that can be preloaded here, as "it is ..."; NULL if it is one. Nothing of
 * it is run. */
const char *preload_library_fault(const char *path);

/* Why the program at path takes no preloaded library, as "is ..."; NULL if it takes one, or if that cannot be told. */
const char *preload_program_fault(const char *path);

#endif
