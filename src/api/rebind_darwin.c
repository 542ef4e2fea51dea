/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* rebind_darwin.c - changes, in every loaded image, the pointers through which it calls other images.
 * Invariants: a pointer is changed only where the image's own indirect symbol table names it, and not in images of the
 *             system's shared cache, which lie in memory that other processes share. Pages that
 *             the dynamic linker left read-only become writable for the change and read-only again.
 * Locking:    none: for one thread, before others run.
 * Costs:      walks the pointer sections of all images once. */
#include "zcmalloc_darwin.h"

#include <errno.h>
#include <mach-o/dyld.h>
#include <mach-o/loader.h>
#include <mach-o/nlist.h>
#include <mach/mach.h>
#include <stdbool.h>
#include <string.h>

/* MH_DYLIB_IN_CACHE of newer headers. */
#define IN_SHARED_CACHE 0x80000000U

struct image {
    const struct mach_header_64 *header;
    intptr_t slide;
    const struct nlist_64 *symbols;
    const char *strings;
    const uint32_t *indirect;
    uint32_t symbol_count;
    uint32_t indirect_count;
};

static const struct load_command *next_command(const struct load_command *command)
{
    return (const struct load_command *)((const char *)command + command->cmdsize);
}

/* Tables lie in the segment __LINKEDIT, whose place in memory follows from its place in the file. */
static bool find_tables(struct image *image)
{
    const struct symtab_command *symtab = NULL;
    const struct dysymtab_command *dysymtab = NULL;
    const struct segment_command_64 *linkedit = NULL;
    const struct load_command *command = (const struct load_command *)(image->header + 1);
    for (uint32_t i = 0; i < image->header->ncmds; i++, command = next_command(command)) {
        if (command->cmd == LC_SYMTAB)
            symtab = (const struct symtab_command *)command;
        else if (command->cmd == LC_DYSYMTAB)
            dysymtab = (const struct dysymtab_command *)command;
        else if (command->cmd == LC_SEGMENT_64 &&
                 strcmp(((const struct segment_command_64 *)command)->segname, SEG_LINKEDIT) == 0)
            linkedit = (const struct segment_command_64 *)command;
    }
    if (symtab == NULL || dysymtab == NULL || linkedit == NULL || dysymtab->nindirectsyms == 0)
        return false;
    const char *base =
        (const char *)(uintptr_t)(linkedit->vmaddr - linkedit->fileoff + (uint64_t)image->slide);
    image->symbols = (const struct nlist_64 *)(const void *)(base + symtab->symoff);
    image->strings = base + symtab->stroff;
    image->indirect = (const uint32_t *)(const void *)(base + dysymtab->indirectsymoff);
    image->symbol_count = symtab->nsyms;
    image->indirect_count = dysymtab->nindirectsyms;
    return true;
}

static const struct zc_rebinding *rebinding_of(const char *symbol,
                                               const struct zc_rebinding *rebindings, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (symbol[0] == '_' && strcmp(symbol + 1, rebindings[i].name) == 0)
            return &rebindings[i];
    return NULL;
}

static bool store(void **pointer, void *value, bool is_constant)
{
    vm_address_t page = (vm_address_t)pointer & ~(vm_address_t)(vm_page_size - 1);
    if (is_constant && vm_protect(mach_task_self(), page, vm_page_size, FALSE,
                                  VM_PROT_READ | VM_PROT_WRITE | VM_PROT_COPY) != KERN_SUCCESS)
        return false;
    __atomic_store_n(pointer, value, __ATOMIC_RELEASE);
    if (is_constant)
        (void)vm_protect(mach_task_self(), page, vm_page_size, FALSE, VM_PROT_READ);
    return true;
}

static void rebind_section(const struct image *image, const struct section_64 *section,
                           bool is_constant, const struct zc_rebinding *rebindings, size_t count,
                           int *changed)
{
    void **pointers = (void **)(uintptr_t)(section->addr + (uint64_t)image->slide);
    for (uint64_t i = 0; i < section->size / sizeof(void *); i++) {
        if (section->reserved1 + i >= image->indirect_count)
            return;
        uint32_t index = image->indirect[section->reserved1 + i];
        if ((index & (INDIRECT_SYMBOL_LOCAL | INDIRECT_SYMBOL_ABS)) != 0 ||
            index >= image->symbol_count)
            continue;
        const char *symbol = image->strings + image->symbols[index].n_un.n_strx;
        const struct zc_rebinding *rebinding = rebinding_of(symbol, rebindings, count);
        if (rebinding == NULL || pointers[i] == rebinding->replacement)
            continue;
        if (rebinding->original != NULL && *rebinding->original == NULL)
            *rebinding->original = pointers[i];
        *changed += store(&pointers[i], rebinding->replacement, is_constant);
    }
}

/* Signed pointers are in others. */
static void rebind_segment(const struct image *image, const struct segment_command_64 *segment,
                           const struct zc_rebinding *rebindings, size_t count, int *changed)
{
    bool is_constant = strncmp(segment->segname, "__DATA_CONST", 16) == 0;
    if (!is_constant && strncmp(segment->segname, "__DATA", 16) != 0)
        return;
    const struct section_64 *sections = (const struct section_64 *)(segment + 1);
    for (uint32_t i = 0; i < segment->nsects; i++) {
        uint32_t type = sections[i].flags & SECTION_TYPE;
        if (type == S_LAZY_SYMBOL_POINTERS || type == S_NON_LAZY_SYMBOL_POINTERS)
            rebind_section(image, &sections[i], is_constant, rebindings, count, changed);
    }
}

int zc_rebind(const struct zc_rebinding *rebindings, size_t count)
{
    int changed = 0;
    for (size_t i = 0; i < count; i++)
        if (rebindings[i].name == NULL || rebindings[i].replacement == NULL) {
            errno = EINVAL;
            return -1;
        }
    for (uint32_t i = 0; i < _dyld_image_count(); i++) {
        struct image image = {.header = (const struct mach_header_64 *)_dyld_get_image_header(i),
                              .slide = _dyld_get_image_vmaddr_slide(i)};
        if (image.header == NULL || image.header->magic != MH_MAGIC_64 ||
            (image.header->flags & IN_SHARED_CACHE) != 0 || !find_tables(&image))
            continue;
        const struct load_command *command = (const struct load_command *)(image.header + 1);
        for (uint32_t c = 0; c < image.header->ncmds; c++, command = next_command(command))
            if (command->cmd == LC_SEGMENT_64)
                rebind_segment(&image, (const struct segment_command_64 *)command, rebindings,
                               count, &changed);
    }
    return changed;
}
