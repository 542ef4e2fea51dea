/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* preload_linux.c - see preload.h. */
#include "preload.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdalign.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const preload_variable = "LD_PRELOAD";
const char *const preload_separators = ": \t\n";
const char *const preload_file_names[] = {"libzcmalloc.so", "libzcmalloc.so.0", NULL};

/* This program's own, by the linker: a library for it is of the same kind. */
extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

struct image {
    const char *bytes;
    size_t size;
};

bool preload_own_path(char *path, size_t size)
{
    ssize_t length = readlink("/proc/self/exe", path, size);
    if (length < 0 || (size_t)length >= size)
        return false;
    path[length] = '\0';
    return true;
}

static bool lies_within(const struct image *image, size_t offset, size_t count, size_t each)
{
    return offset % alignof(ElfW(Addr)) == 0 && offset <= image->size &&
           count <= (image->size - offset) / each;
}

static bool is_library(const struct image *image)
{
    const ElfW(Ehdr) *header = (const void *)image->bytes;
    return image->size >= sizeof *header && memcmp(header->e_ident, ELFMAG, SELFMAG) == 0 &&
           header->e_ident[EI_CLASS] == __ehdr_start.e_ident[EI_CLASS] &&
           header->e_ident[EI_DATA] == __ehdr_start.e_ident[EI_DATA] &&
           header->e_machine == __ehdr_start.e_machine && header->e_type == ET_DYN;
}

static bool table_defines(const struct image *image, const ElfW(Shdr) * table,
                          const ElfW(Shdr) * names, const char *wanted)
{
    size_t count = table->sh_size / sizeof(ElfW(Sym));
    const char *text = image->bytes + names->sh_offset;
    const ElfW(Sym) *symbols = (const void *)(image->bytes + table->sh_offset);
    if (!lies_within(image, table->sh_offset, count, sizeof *symbols) ||
        names->sh_offset > image->size || names->sh_size > image->size - names->sh_offset ||
        names->sh_size == 0 || text[names->sh_size - 1] != '\0')
        return false;
    for (size_t i = 0; i < count; i++)
        if (symbols[i].st_shndx != SHN_UNDEF && symbols[i].st_name < names->sh_size &&
            strcmp(text + symbols[i].st_name, wanted) == 0)
            return true;
    return false;
}

/* True also if the sections, which the loader does not need, were stripped. */
static bool defines(const struct image *image, const char *wanted)
{
    const ElfW(Ehdr) *header = (const void *)image->bytes;
    if (header->e_shnum == 0)
        return true;
    if (header->e_shentsize != sizeof(ElfW(Shdr)) ||
        !lies_within(image, header->e_shoff, header->e_shnum, sizeof(ElfW(Shdr))))
        return false;
    const ElfW(Shdr) *sections = (const void *)(image->bytes + header->e_shoff);
    for (size_t i = 0; i < header->e_shnum; i++)
        if (sections[i].sh_type == SHT_DYNSYM && sections[i].sh_link < header->e_shnum &&
            table_defines(image, &sections[i], &sections[sections[i].sh_link], wanted))
            return true;
    return false;
}

/* Not by dlopen: the library would start here too. */
bool preload_provides_malloc(const char *path)
{
    bool provides = false;
    struct stat about;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0)
        return false;
    if (fstat(file, &about) == 0 && S_ISREG(about.st_mode) && about.st_size > 0) {
        struct image image = {NULL, (size_t)about.st_size};
        void *mapped = mmap(NULL, image.size, PROT_READ, MAP_PRIVATE, file, 0);
        if (mapped != MAP_FAILED) {
            image.bytes = mapped;
            provides = is_library(&image) && defines(&image, "malloc");
            munmap(mapped, image.size);
        }
    }
    close(file);
    return provides;
}
