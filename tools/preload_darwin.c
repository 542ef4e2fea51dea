/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* preload_darwin.c - see preload.h. The system drops the variable for its protected programs. */
#include "preload.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mach-o/dyld.h>
#include <mach-o/fat.h>
#include <mach-o/loader.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const preload_variable = "DYLD_INSERT_LIBRARIES";
const char *const preload_separators = ":";
const char *const preload_file_names[] = {"libzcmalloc.dylib", "libzcmalloc.0.dylib", NULL};

bool preload_own_path(char *path, size_t size)
{
    char raw[PATH_MAX];
    char real[PATH_MAX];
    uint32_t raw_size = sizeof raw;
    if (_NSGetExecutablePath(raw, &raw_size) != 0 || realpath(raw, real) == NULL ||
        strlen(real) >= size)
        return false;
    strcpy(path, real);
    return true;
}

/* Of a file that holds several, for different machines, dyld takes the right one or says that there is none. */
static const char *image_fault(const char *bytes, size_t size)
{
    static const char symbol[] = "_zc_version";
    const struct mach_header *own = _dyld_get_image_header(0);
    struct mach_header header;
    if (size < sizeof header)
        return "it is no Mach-O file";
    memcpy(&header, bytes, sizeof header);
    bool is_fat = header.magic == FAT_CIGAM || header.magic == FAT_CIGAM_64;
    if (!is_fat && header.magic != MH_MAGIC && header.magic != MH_MAGIC_64)
        return "it is no Mach-O file";
    if (!is_fat && header.cputype != own->cputype)
        return "it is for another kind of machine";
    if (!is_fat && header.filetype != MH_DYLIB)
        return "it is no dynamic library";
    /* With the NUL after it, as the table of names has it. */
    if (memmem(bytes, size, symbol, sizeof symbol) == NULL)
        return "it is another library, without zc_version";
    return NULL;
}

const char *preload_library_fault(const char *path)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0)
        return strerror(errno);
    struct stat status;
    bool is_regular = fstat(file, &status) == 0 && S_ISREG(status.st_mode);
    void *bytes = MAP_FAILED;
    if (is_regular && status.st_size > 0)
        bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    close(file);
    if (!is_regular)
        return "it is not a regular file";
    return image_fault(bytes, bytes == MAP_FAILED ? 0 : (size_t)status.st_size);
}

const char *preload_program_fault(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return NULL;
    bool gets_rights = ((status.st_mode & S_ISUID) != 0 && status.st_uid != getuid()) ||
                       ((status.st_mode & S_ISGID) != 0 && status.st_gid != getgid());
    return gets_rights ? "runs with elevated rights" : NULL;
}
