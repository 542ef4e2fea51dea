# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
"""compare_preloading.py - whether a program takes a preloaded library at all: else each allocator would be the same.

One that is linked statically does not, nor one that runs with other rights than those who start it. As
tools/preload_linux.c has it for the command `zcmalloc`; scripts are not looked into."""
import os
import shutil
import stat
import struct

from compare_allocators import CannotCompare

CLASS_64, EXECUTABLE, SHARED = 2, 2, 3
DYNAMIC, INTERPRETER = 2, 3  # kinds of segments
FLAGS_1, FLAG_PROGRAM = 0x6ffffffb, 0x08000000
# of 32 and of 64 bits: where the table of segments is, its entries' size and number; a segment's offset and size
HEADERS = {False: (28, "I", 42), True: (32, "Q", 54)}
SEGMENTS = {False: (4, 16, "I"), True: (8, 32, "Q")}


def segments_of(image, order, is_64):
    """{kind: its bytes}; the last of a kind, as those that are asked for are there once."""
    at, word, sizes_at = HEADERS[is_64]
    table, (size, count) = (struct.unpack_from(order + word, image, at)[0],
                            struct.unpack_from(order + "HH", image, sizes_at))
    offset_at, length_at, word = SEGMENTS[is_64]
    found = {}
    for entry in range(table, table + size * count, size):
        kind = struct.unpack_from(order + "I", image, entry)[0]
        offset = struct.unpack_from(order + word, image, entry + offset_at)[0]
        length = struct.unpack_from(order + word, image, entry + length_at)[0]
        found[kind] = image[offset:offset + length]
    return found


def is_static(image):
    """Of an ELF file. Without an interpreter and no program: the dynamic linker, which preloads for what it starts."""
    order, is_64 = "<" if image[5] == 1 else ">", image[4] == CLASS_64
    kind = struct.unpack_from(order + "H", image, 16)[0]
    segments = segments_of(image, order, is_64)
    if INTERPRETER in segments or kind not in (EXECUTABLE, SHARED):
        return False
    dynamic, entry = segments.get(DYNAMIC, b""), order + ("qQ" if is_64 else "iI")
    whole = len(dynamic) - len(dynamic) % struct.calcsize(entry)
    flags = dict(struct.iter_unpack(entry, dynamic[:whole])).get(FLAGS_1, 0)
    return kind == EXECUTABLE or bool(flags & FLAG_PROGRAM)


def may_get_rights():
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as status:
            return "NoNewPrivs:\t1\n" not in status.read()
    except OSError:
        return True


def has_capabilities(path):
    try:
        return "security.capability" in os.listxattr(path)
    except (AttributeError, OSError):  # not on this system, or file system
        return False


def gets_rights(path):
    """By its bits and their owner: those who have the rights already do not get them. Capabilities count for the
    dynamic linker even in a process that may not get them."""
    status = os.stat(path)
    if os.statvfs(path).f_flag & os.ST_NOSUID:
        return False
    if os.getuid() != 0 and has_capabilities(path):
        return True
    is_other_user = status.st_mode & stat.S_ISUID and status.st_uid != os.getuid()
    is_group_run = status.st_mode & stat.S_ISGID and status.st_mode & stat.S_IXGRP
    return may_get_rights() and bool(is_other_user or is_group_run and status.st_gid != os.getgid())


def fault_of(path):
    """As "is ...", or "" if it takes one or that cannot be told."""
    image = None  # one that cannot be read is no script
    try:
        with open(path, "rb") as file:
            image = file.read()
    except OSError:
        pass
    if image is not None and image[:4] != b"\x7fELF":
        return ""
    try:
        if image is not None and is_static(image):
            return "is linked statically"
    except (struct.error, ValueError, IndexError, OverflowError):  # cut short, or with sizes that are none
        pass
    return "runs with elevated rights" if gets_rights(path) else ""


def check_program(name):
    """CannotCompare if it takes none; one that is not there is left to those who run it."""
    path = shutil.which(name)
    fault = fault_of(path) if path else ""
    if fault:
        raise CannotCompare(f"{name} {fault}: it keeps its own malloc, so there is nothing to compare")
