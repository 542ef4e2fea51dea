/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* preload_linux.c - see preload.h. Files are read, not loaded: musl's dlopen takes no library with initial-exec
 * thread-local storage, though it preloads one, and what is loaded says things, as with ZCMALLOC_VERBOSE. */
#include "preload.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

const char *const preload_variable = "LD_PRELOAD";
const char *const preload_separators = ": \t\n";
const char *const preload_file_names[] = {"libzcmalloc.so", "libzcmalloc.so.0", NULL};

static const char not_elf[] = "it is no ELF file";

/* This command's own header, by the linker. */
extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

struct image {
    const char *bytes;
    size_t size;
    ElfW(Ehdr) header;
};

bool preload_own_path(char *path, size_t size)
{
    ssize_t length = readlink("/proc/self/exe", path, size);
    if (length < 0 || (size_t)length >= size)
        return false;
    path[length] = '\0';
    return true;
}

static bool holds(const struct image *image, uint64_t offset, uint64_t length)
{
    return offset <= image->size && length <= image->size - offset;
}

/* One of a table's entries; a copy, as it may lie unaligned. */
static bool read_entry(const struct image *image, uint64_t table, uint64_t index, void *entry,
                       size_t size)
{
    if (!holds(image, table, 0) || !holds(image, table + index * size, size))
        return false;
    memcpy(entry, image->bytes + table + index * size, size);
    return true;
}

/* NULL, or why it is none. The mapping goes with this process. */
static const char *map_image(const char *path, struct image *image)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0)
        return strerror(errno);
    struct stat status;
    bool is_regular = fstat(file, &status) == 0 && S_ISREG(status.st_mode);
    void *bytes = MAP_FAILED;
    if (is_regular && status.st_size >= (off_t)sizeof image->header)
        bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    close(file);
    if (!is_regular)
        return "it is not a regular file";
    if (bytes == MAP_FAILED || memcmp(bytes, ELFMAG, SELFMAG) != 0)
        return not_elf;
    image->bytes = bytes;
    image->size = (size_t)status.st_size;
    memcpy(&image->header, bytes, sizeof image->header);
    return NULL;
}

static bool is_of_this_machine(const struct image *image)
{
    return image->header.e_ident[EI_CLASS] == __ehdr_start.e_ident[EI_CLASS] &&
           image->header.e_ident[EI_DATA] == __ehdr_start.e_ident[EI_DATA] &&
           image->header.e_machine == __ehdr_start.e_machine;
}

static bool find_segment(const struct image *image, uint32_t type, ElfW(Phdr) * segment)
{
    for (unsigned i = 0; i < image->header.e_phnum; i++)
        if (read_entry(image, image->header.e_phoff, i, segment, sizeof *segment) &&
            segment->p_type == type)
            return true;
    return false;
}

/* Of no program, which a shared object may look like but for a flag. */
static bool is_program(const struct image *image)
{
    ElfW(Phdr) segment;
    ElfW(Dyn) entry;
    if (image->header.e_type != ET_DYN)
        return image->header.e_type == ET_EXEC;
    if (!find_segment(image, PT_DYNAMIC, &segment))
        return false;
    for (uint64_t i = 0; i < segment.p_filesz / sizeof entry; i++) {
        if (!read_entry(image, segment.p_offset, i, &entry, sizeof entry) || entry.d_tag == DT_NULL)
            return false;
        if (entry.d_tag == DT_FLAGS_1)
            return (entry.d_un.d_val & DF_1_PIE) != 0;
    }
    return false;
}

static bool is_whole(const struct image *image)
{
    const ElfW(Ehdr) *header = &image->header;
    ElfW(Phdr) segment;
    for (unsigned i = 0; i < header->e_phnum; i++)
        if (!read_entry(image, header->e_phoff, i, &segment, sizeof segment) ||
            !holds(image, segment.p_offset, segment.p_filesz))
            return false;
    return header->e_phnum != 0 &&
           holds(image, header->e_shoff, header->e_shnum * sizeof(ElfW(Shdr)));
}

static bool defines(const struct image *image, const char *name)
{
    ElfW(Shdr) symbols;
    ElfW(Shdr) names;
    ElfW(Sym) symbol;
    size_t size = strlen(name) + 1;
    for (unsigned i = 0; i < image->header.e_shnum; i++) {
        uint64_t sections = image->header.e_shoff;
        if (!read_entry(image, sections, i, &symbols, sizeof symbols) ||
            symbols.sh_type != SHT_DYNSYM || !holds(image, symbols.sh_offset, symbols.sh_size) ||
            !read_entry(image, sections, symbols.sh_link, &names, sizeof names) ||
            !holds(image, names.sh_offset, names.sh_size))
            continue;
        for (uint64_t at = 0; at < symbols.sh_size / sizeof symbol; at++)
            if (read_entry(image, symbols.sh_offset, at, &symbol, sizeof symbol) &&
                symbol.st_shndx != SHN_UNDEF && symbol.st_name < names.sh_size &&
                size <= names.sh_size - symbol.st_name &&
                memcmp(image->bytes + names.sh_offset + symbol.st_name, name, size) == 0)
                return true;
    }
    return false;
}

const char *preload_library_fault(const char *path)
{
    struct image image;
    const char *why = map_image(path, &image);
    if (why != NULL)
        return why;
    if (!is_of_this_machine(&image))
        return "it is for another kind of machine";
    if (!is_whole(&image))
        return "it is cut short";
    if (image.header.e_type != ET_DYN || is_program(&image))
        return "it is no shared object";
    return defines(&image, "zc_version") ? NULL : "it is another library, without zc_version";
}

/* By its bits and their owner: those who have the rights already do not get them. Capabilities count for the dynamic
 * linker even in a process that may not get them. */
static bool gets_rights(const char *path)
{
    struct stat status;
    struct statvfs system;
    if (stat(path, &status) != 0 || statvfs(path, &system) != 0 || (system.f_flag & ST_NOSUID) != 0)
        return false;
    if (getuid() != 0 && getxattr(path, "security.capability", NULL, 0) > 0)
        return true;
    bool is_group_run = (status.st_mode & S_ISGID) != 0 && (status.st_mode & S_IXGRP) != 0;
    return prctl(PR_GET_NO_NEW_PRIVS, 0L, 0L, 0L, 0L) != 1 &&
           (((status.st_mode & S_ISUID) != 0 && status.st_uid != getuid()) ||
            (is_group_run && status.st_gid != getgid()));
}

const char *preload_program_fault(const char *path)
{
    struct image image;
    ElfW(Phdr) segment;
    const char *why = map_image(path, &image);
    if (why == not_elf) /* a script, whose bits count for nothing */
        return NULL;
    /* Without an interpreter and no program: the dynamic linker, which preloads for what it starts. */
    if (why == NULL && is_of_this_machine(&image) && !find_segment(&image, PT_INTERP, &segment) &&
        is_program(&image))
        return "is linked statically";
    return gets_rights(path) ? "runs with elevated rights" : NULL;
}
