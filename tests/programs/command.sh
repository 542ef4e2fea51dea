#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
#
# command.sh COMMAND - the command `zcmalloc`: what it runs, sets, prints, and its exit codes.
. "$(dirname "$0")/lib.sh"
command_path=$1
[ -x "$command_path" ] || skip "no command at $command_path"

# expect CODE PATTERN ARGUMENT...: the exit code, and a line of either output that matches.
expect() {
    wanted_code=$1
    pattern=$2
    shift 2
    "$command_path" "$@" >"$scratch/output.txt" 2>&1 </dev/null
    code=$?
    compared=$((compared + 1))
    if [ "$code" -ne "$wanted_code" ]; then
        fail "zcmalloc $*: exit code $code instead of $wanted_code"
        head -n 5 "$scratch/output.txt"
    elif ! grep -Eq -e "$pattern" "$scratch/output.txt"; then
        fail "zcmalloc $*: no line like $pattern"
        head -n 5 "$scratch/output.txt"
    else
        say "  zcmalloc $*: $code"
    fi
}

cd "$scratch" || exit 1
unset ZCMALLOC_LIB ZCMALLOC_VERBOSE ZCMALLOC_STATS

# Help goes to standard output, complaints to standard error.
expect 0 '^usage: zcmalloc run' help
expect 0 '^usage: zcmalloc run' --help
expect 0 '^usage: zcmalloc run' run --help
expect 0 '^zcmalloc [0-9]+\.[0-9]+\.[0-9]+$' version
expect 0 '^ZCMALLOC_VERBOSE +bool +0 ' options
for type in $("$command_path" options | sed -n 's/^ZCMALLOC_[A-Z_]* *\([a-z]*\) .*/\1/p' | sort -u); do
    expect 0 "(^|; )$type: " options
done
expect 2 '^usage: ' nonsense
expect 2 '^usage: '
expect 2 'takes no arguments' version extra
expect 2 'needs a program' run
expect 2 'has no option --nonsense' run --nonsense true
expect 2 'no option "nonsense"' run --set nonsense=1 true
expect 2 'needs NAME=VALUE' run --set verbose true
"$command_path" nonsense 2>/dev/null | grep -q . && fail "a complaint on standard output"
"$command_path" help 2>&1 >/dev/null | grep -q . && fail "help on standard error"

# Running: the library beside the command is used, and the exit code is the program's.
expect 0 '^hello$' run echo hello
expect 0 '^zcmalloc: .* in use' run --verbose true
expect 0 '^zcmalloc: .* in use' run --set verbose=1 -- true
expect 0 '^zcmalloc: .* in use' run --set=VERBOSE=1 true
expect 7 '' run sh -c 'echo; exit 7'
expect 127 'no-such-program' run no-such-program
expect 126 'Permission denied|directory' run "$scratch"

# The flat class map takes 2 GiB of address space (arm64: 4), which is little of what there is, or is not taken.
least_kib=33554432
[ "$(uname -m)" != aarch64 ] || least_kib=67108864
if [ "$(ulimit -v)" = unlimited ]; then
    expect 0 ', flat class map, ' run --verbose true
    expect 0 ', no class map, .* flat_map=0$' run --verbose --set flat-map=0 true
    expect 0 ', flat class map, ' run sh -c "ulimit -v $least_kib && ZCMALLOC_VERBOSE=1 exec true"
    expect 0 ', no class map, ' run sh -c "ulimit -v $((least_kib - 1)) && ZCMALLOC_VERBOSE=1 exec true"
    with=$("$command_path" run awk '/^VmSize/ { print $2 }' /proc/self/status)
    without=$("$command_path" run --set flat-map=0 awk '/^VmSize/ { print $2 }' /proc/self/status)
    [ $((with - without)) -ge 2000000 ] || fail "VmSize is $with KiB with the map, $without without"
fi

# Pressure is watched, where the system tells, by a thread that may take its time to start.
if (exec 3<>/proc/pressure/memory && printf 'some 150000 2000000\n' >&3) 2>/dev/null; then
    expect 0 '/proc/pressure/memory' run --set background=1 --set pressure=1 sh -c \
        'i=0; until ls -l /proc/$$/fd | grep pressure || [ $i = 100 ]; do sleep 0.1; i=$((i + 1)); done'
fi

# What was preloaded before stays, behind the library; the caller's environment does not change.
value=$(LD_PRELOAD=$preload "$command_path" run sh -c 'echo $LD_PRELOAD')
compared=$((compared + 1))
case $value in
*/libzcmalloc.*:"$preload") say "  the value before is kept" ;;
*) fail "LD_PRELOAD became $value" ;;
esac

# ZCMALLOC_LIB names another library; a path that the dynamic linker would split is refused.
ZCMALLOC_LIB=$preload
export ZCMALLOC_LIB
expect 0 "^$preload\$" run sh -c 'echo $LD_PRELOAD'
ZCMALLOC_LIB=$scratch/absent.so
expect 125 'absent.so' run true
mkdir "$scratch/two words"
cp "$preload" "$scratch/two words/"
ZCMALLOC_LIB="$scratch/two words/libzcmalloc.so"
expect 125 'cannot be preloaded' run true

# Without a library: one sentence, and the program does not run with another allocator unnoticed.
unset ZCMALLOC_LIB
mkdir "$scratch/alone"
cp "$command_path" "$scratch/alone/zcmalloc"
command_path=$scratch/alone/zcmalloc
expect 125 'beside' run echo hello
# As installed: bin/zcmalloc and lib/libzcmalloc.so.
mkdir -p "$scratch/prefix/bin" "$scratch/prefix/lib"
cp "$scratch/alone/zcmalloc" "$scratch/prefix/bin/"
cp "$preload" "$scratch/prefix/lib/"
command_path=$scratch/prefix/bin/zcmalloc
expect 0 '^zcmalloc: .* in use' run --verbose true
finish
