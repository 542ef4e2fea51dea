# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
"""compare_allocators.py - which allocators take part in bench/compare, and whether they really do.

An allocator is a library to preload, or none for the system's. The loader only warns about a library that
it cannot preload and goes on with the system's malloc; so each is asked through workloads/which_malloc."""
import dataclasses
import hashlib
import os
import platform
import subprocess
import sys
import sysconfig
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
IS_DARWIN = sys.platform == "darwin"
PRELOAD = "DYLD_INSERT_LIBRARIES" if IS_DARWIN else "LD_PRELOAD"
OURS = "zcmalloc"
OURS_PATH = os.path.join(ROOT, "build", "release", "libzcmalloc" + (".dylib" if IS_DARWIN else ".so"))
MULTIARCH = sysconfig.get_config_var("MULTIARCH") or platform.machine() + "-linux-gnu"
LIBRARY_FOLDERS = [f"/usr/lib/{MULTIARCH}", "/usr/lib64", "/usr/lib", "/usr/local/lib", "/opt/homebrew/lib"]
PEERS = {
    "jemalloc": ["libjemalloc.so.2", "libjemalloc.dylib"],
    "tcmalloc": ["libtcmalloc_minimal.so.4", "libtcmalloc_minimal.dylib"],
    "mimalloc": ["libmimalloc.so.2", "libmimalloc.so.3", "libmimalloc.dylib"],
}


class CannotCompare(Exception):
    """Its text is the one sentence for the user."""


def order(allocators, turn):
    """In this turn. In as many turns as there are allocators, twice as many if their number is odd, each comes
    right after each other equally often (a Latin square balanced for carry-over: 0, 1, n-1, 2, n-2 ... turned on, and
    for odd numbers every other one backwards)."""
    count = len(allocators)
    zigzag = [(at + 1) // 2 if at % 2 else -(at // 2) for at in range(count)]
    turned = [allocators[(at + turn) % count] for at in zigzag]
    return turned[::-1] if count % 2 and turn % 2 else turned


@dataclasses.dataclass(frozen=True)
class Allocator:
    name: str
    path: str  # "" is the system's
    is_ours: bool = False
    variables: tuple = ()  # of the environment, NAME=VALUE

    def settings(self):
        return [f"{PRELOAD}={self.path}", *self.variables] if self.path else []

    def identity(self):
        """What tells one build from another."""
        if not self.path:
            return {"name": self.name, "path": "", "is_ours": False, "version": " ".join(platform.libc_ver())}
        real = os.path.realpath(self.path)
        with open(real, "rb") as library:
            digest = hashlib.sha256(library.read()).hexdigest()
        built = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(os.path.getmtime(real)))
        commit = ["git", "-C", ROOT, "describe", "--always", "--dirty"]
        version = ask(commit) if self.is_ours else package_version(self.path)
        return {
            "name": self.name, "path": real, "is_ours": self.is_ours, "sha256": digest, "modified": built,
            "version": version, "variables": list(self.variables),
        }


def package_version(path):
    """"NAME VERSION" of the Debian package that a file is from, or ""."""
    for name in dict.fromkeys([path, os.path.realpath(path)]):
        owner = ask(["dpkg-query", "-S", name]).partition(":")[0]
        if owner:
            return ask(["dpkg-query", "-W", "-f=${Package} ${Version}", owner]).partition("\n")[0]
    return ""


def ask(command):
    """What it prints; "" if it fails or is not there."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def find_library(names):
    for name in names:
        for folder in LIBRARY_FOLDERS:
            path = os.path.join(folder, name)
            if os.path.exists(path):
                return path
    return None


def named_library(text, option, is_ours=False):
    """NAME=PATH, or NAME=PATH,VARIABLE=VALUE,..."""
    pair, *variables = text.split(",")
    name, equals, path = pair.partition("=")
    path = os.path.abspath(path)
    if not equals or not name or not os.path.isfile(path):
        raise CannotCompare(f"{option} {pair}: no library there (NAME=PATH)")
    if any(separator in path for separator in ": "):
        raise CannotCompare(f"{path} cannot be preloaded: it holds a space or a colon")
    for variable in variables:
        if not variable.partition("=")[2]:
            raise CannotCompare(f"{option} {text}: what follows a comma is VARIABLE=VALUE, not {variable}")
    return Allocator(name, path, is_ours=is_ours, variables=tuple(variables))


def built_library():
    if not os.path.isfile(OURS_PATH):
        raise CannotCompare(f"there is no {os.path.relpath(OURS_PATH, ROOT)}; to build it: "
                            "cmake --preset release && cmake --build --preset release")
    return named_library(f"{OURS}={OURS_PATH}", "--ours", is_ours=True)


def choose(ours, added, wanted):
    """The system's, ours, the installed peers, the added ones; only the wanted names if any are given."""
    chosen = [Allocator("system", "")]
    chosen.extend(named_library(pair, "--ours", is_ours=True) for pair in ours)
    if not ours and (not wanted or OURS in wanted):
        chosen.append(built_library())
    for name, file_names in PEERS.items():
        path = find_library(file_names)
        if path is not None:
            chosen.append(Allocator(name, path))
    chosen.extend(named_library(pair, "--add") for pair in added)
    check_names(chosen, wanted)
    return [allocator for allocator in chosen if not wanted or allocator.name in wanted]


def check_names(allocators, wanted=()):
    """Two of a name would count as one."""
    names = [allocator.name for allocator in allocators]
    for name in [*names, *wanted]:
        if names.count(name) != 1:
            how = "is given twice" if name in names else f"is unknown, known are: {', '.join(names)}"
            raise CannotCompare(f"the allocator {name} {how}")


def check_preloads(allocators, which_malloc):
    if IS_DARWIN:  # interposing there does not show in dladdr
        return
    for allocator in allocators:
        environment = dict(os.environ)
        if allocator.path:
            environment[PRELOAD] = allocator.path
        done = subprocess.run([which_malloc], env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise CannotCompare(f"{allocator.name} cannot run a program at all: exit code {done.returncode}")
        for line in done.stdout.splitlines() if allocator.path else []:
            function, _, origin = line.partition(" ")
            if os.path.realpath(origin) != os.path.realpath(allocator.path):
                raise CannotCompare(f"{allocator.name} does not provide {function}: that is {origin}'s")
