#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
#
# setup.sh - installs what a purpose needs and this machine lacks.
# usage: tools/setup.sh [build|demo|bench|compare|check]      without an argument: build
#   build   configure, compile and run the unit tests
#   demo    build, and what tools/demo runs
#   bench   build, and google-benchmark
#   compare build, and what bench/compare compares, runs and draws with; these are servers too, which Debian
#           starts when it installs them
#   check   build, demo and bench, and the compilers, emulators and real programs that the tests use
# Exit code: 0 if everything that `build` needs is there, 1 if not. What else is missing is named,
# and the tests that need it will say "skipped". Nothing that is present is touched or upgraded.
set -u

# The real programs of bench/compare --programs.
programs_of_compare() {
    cat <<'LIST'
lua5.4             command -v lua5.4
perl               command -v perl
gawk               command -v gawk
sqlite3            command -v sqlite3
ghostscript        command -v gs
z3                 command -v z3
clang              command -v clang++
rocksdb-tools      command -v db_bench
redis-server       command -v redis-server
redis-tools        command -v redis-benchmark
memcached          command -v memcached
libmemcached-tools command -v memcslap
nginx-light        command -v nginx || ls /usr/sbin/nginx
apache2-utils      command -v ab
postgresql         ls /usr/lib/postgresql/*/bin/pgbench
LIST
}

# Each list: a package, then the command that succeeds when it need not be installed.
debian_packages() {
    case $1 in
    build)
        cat <<'LIST'
cmake            command -v cmake
make             command -v make
gcc              command -v gcc
g++              command -v g++
pkg-config       command -v pkg-config
libc6-dev        ls /usr/include/stdlib.h
libck-dev        ls /usr/include/ck_pr.h
LIST
        ;;
    demo)
        cat <<'LIST'
python3          command -v python3
sqlite3          command -v sqlite3
LIST
        ;;
    bench)
        cat <<'LIST'
libbenchmark-dev ls /usr/include/benchmark/benchmark.h
LIST
        ;;
    compare)
        cat <<'LIST'
python3               command -v python3
python3-matplotlib    /usr/bin/python3 -c 'import matplotlib'
libjemalloc2          ls /usr/lib/*/libjemalloc.so.2
libtcmalloc-minimal4  ls /usr/lib/*/libtcmalloc_minimal.so.4
libmimalloc2.0        ls /usr/lib/*/libmimalloc.so.2
strace                command -v strace
linux-perf            command -v perf
LIST
        programs_of_compare
        ;;
    check)
        cat <<'LIST'
clang                  command -v clang && command -v clang++
binutils               command -v nm && command -v objdump
musl-tools             command -v musl-gcc
gcc-aarch64-linux-gnu  command -v aarch64-linux-gnu-gcc
libc6-dev-arm64-cross  ls /usr/aarch64-linux-gnu/include/stdlib.h
qemu-user              command -v qemu-aarch64
lld-16                 command -v ld64.lld-16
qemu-system-x86        command -v qemu-system-x86_64
busybox-static         command -v busybox
cpio                   command -v cpio
git                    command -v git
perl                   command -v perl
lua5.4                 command -v lua5.4
php-cli                command -v php
nodejs                 command -v node
default-jdk-headless   command -v javac
redis-server           command -v redis-server
redis-tools            command -v redis-benchmark
postgresql             ls /usr/lib/postgresql/*/bin/pgbench
stress-ng              command -v stress-ng
relacy-dev             ls /usr/include/relacy/relacy_std.hpp
LIST
        # These carry the version of another package, which may only just have been installed.
        version=$(clang --version 2>/dev/null | sed -n 's/.*clang version \([0-9]*\).*/\1/p')
        runtime="/usr/lib/llvm-$version/lib/clang/*/lib/linux/libclang_rt.asan-*"
        [ -z "$version" ] || echo "libclang-rt-$version-dev ls $runtime"
        version=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
        [ -z "$version" ] || echo "libpython$version-testsuite python3 -c 'import test.test_dict'"
        ;;
    esac
}

brew_packages() {
    case $1 in
    build)
        cat <<'LIST'
cmake            command -v cmake
pkg-config       command -v pkg-config
concurrencykit   ls "$(brew --prefix)/include/ck_pr.h"
LIST
        ;;
    demo)
        cat <<'LIST'
python3          command -v python3
sqlite           command -v sqlite3
LIST
        ;;
    bench)
        cat <<'LIST'
google-benchmark ls "$(brew --prefix)/include/benchmark/benchmark.h"
LIST
        ;;
    esac
}

say() {
    printf 'setup: %s\n' "$*"
}

# missing PURPOSE...: the packages that are not there, on one line.
missing() {
    for purpose in "$@"; do
        "${system}_packages" "$purpose" | while read -r package probe; do
            sh -c "$probe" </dev/null >/dev/null 2>&1 || printf '%s\n' "$package"
        done
    done | sort -u | paste -s -d ' ' -
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        env DEBIAN_FRONTEND=noninteractive "$@"
    else
        sudo -n env DEBIAN_FRONTEND=noninteractive "$@"
    fi </dev/null >"$log" 2>&1
}

apt_install() {
    as_root apt-get install -y -q --no-install-recommends "$@"
}

# All at once, else one by one: a package that does not exist here must not keep the others away.
debian_install() {
    if ! as_root true; then
        say 'not root, and no sudo without a password: nothing is installed'
        return
    fi
    say "installing: $*"
    apt_install "$@" && return
    as_root apt-get update -q || say 'the lists of packages cannot be fetched'
    apt_install "$@" && return
    for package in "$@"; do
        apt_install "$package" || say "could not install $package: $(tail -n 1 "$log")"
    done
}

brew_install() {
    say "installing: $*"
    brew install --quiet "$@" </dev/null || say 'brew could not install all of it'
}

case ${1:-build} in
build) purposes= ;;
demo) purposes=demo ;;
bench) purposes=bench ;;
compare) purposes=compare ;;
check) purposes='demo bench check' ;;
*)
    say "no purpose \"$1\"; there are build, demo, bench, compare, check"
    exit 2
    ;;
esac

if command -v apt-get >/dev/null 2>&1; then
    system=debian
elif command -v brew >/dev/null 2>&1; then
    system=brew
elif command -v cmake >/dev/null 2>&1 && command -v c++ >/dev/null 2>&1; then
    say 'neither apt-get nor brew here; what is missing will be skipped'
    exit 0
else
    say 'neither apt-get nor brew here: install CMake 3.25, a C and a C++ compiler, Concurrency Kit'
    exit 1
fi

log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
# The second round is for packages named after what the first one installed.
tried=
for _ in 1 2; do
    # shellcheck disable=SC2086 # a list of words
    packages=$(missing build $purposes)
    if [ -n "$packages" ] && [ "$packages" != "$tried" ]; then
        # shellcheck disable=SC2086
        "${system}_install" $packages
    fi
    tried=$packages
done

needed=$(missing build)
if [ -n "$needed" ]; then
    say "cannot go on without: $needed"
    exit 1
fi
# shellcheck disable=SC2086
wanted=$(missing $purposes)
[ -z "$wanted" ] || say "missing, what needs it is skipped: $wanted"
