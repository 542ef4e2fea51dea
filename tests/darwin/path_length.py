#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
"""path_length.py OBJDUMP FILE FUNCTION MOST - counts the instructions of FUNCTION's paths that end in a return
without a call or a jump to another function. Fails if there is none, if one has more than MOST, or if any
instruction of the function calls through a pointer (a zone's entry). Prints the longest."""
import re
import subprocess
import sys


def instructions(objdump, file, function):
    text = subprocess.run([objdump, '-d', '--no-show-raw-insn', '--no-leading-headers', file],
                          check=True, capture_output=True, text=True).stdout
    found = []
    inside = False
    for line in text.splitlines():
        label = re.match(r'([0-9a-f]+ )?<(.*)>:$', line)
        if label:
            if inside and label.group(2).startswith('_'):
                break
            inside = inside or label.group(2) == function
            continue
        match = re.match(r'\s*([0-9a-f]+):\s+(\S+)\s*(.*)', line)
        if inside and match:
            found.append((int(match.group(1), 16), match.group(2), match.group(3)))
    return found


def is_return(name):
    return name.startswith('ret')


def is_call(name):
    return name.startswith(('call', 'bl')) and name not in ('ble', 'blt', 'bls', 'blo')


def is_jump(name):
    return name in ('jmp', 'jmpq', 'b', 'br')


def is_branch(name):
    return (name.startswith(('b.', 'cb', 'tb')) or (name.startswith('j') and not is_jump(name)))


def target(operands):
    match = re.search(r'(?:0x)?([0-9a-f]+)(?: <.*>)?$', operands.split(',')[-1].strip())
    return int(match.group(1), 16) if match else None


def main():
    objdump, file, function, most = sys.argv[1:5]
    code = instructions(objdump, file, function)
    index = {address: i for i, (address, _, _) in enumerate(code)}
    for _, name, operands in code:
        if name in ('blr', 'br') or (name.startswith(('call', 'jmp')) and '*' in operands):
            sys.exit(f'{function} calls through a pointer: {name} {operands}')
    lengths = []
    work = [(0, 0)]
    while work:
        at, length = work.pop()
        while at < len(code) and length < 1000:
            address, name, operands = code[at]
            length += 1
            if is_return(name):
                lengths.append(length)
                break
            if is_call(name):
                break
            where = index.get(target(operands)) if is_jump(name) or is_branch(name) else None
            if is_jump(name):
                if where is None or where <= at:
                    break
                at = where
                continue
            if is_branch(name) and where is not None and where > at:
                work.append((where, length))
            at += 1
    if not lengths:
        sys.exit(f'{function}: no path returns without a call')
    print(f'{function}: {max(lengths)} instructions at most {most}')
    sys.exit(0 if max(lengths) <= int(most) else 1)


main()
