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

# says TEXT WHAT ARGUMENT...: all that it prints.
says() {
    wanted=$1
    what=$2
    shift 2
    said=$("$command_path" "$@" 2>&1 </dev/null)
    compared=$((compared + 1))
    if [ "$said" = "$wanted" ]; then
        say "  $what: $said"
    else
        fail "$what: zcmalloc $* says $said instead of $wanted"
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
expect 2 'no command "foo"' foo bar
for name in version --version help --help -h options; do
    expect 2 "$name takes no arguments" "$name" extra
done
expect 2 'needs a program' run
expect 2 'has no option --nonsense' run --nonsense true
expect 2 'no option "nonsense"' run --set nonsense=1 true
expect 2 'needs NAME=VALUE' run --set verbose true
for setting in stats=xml verbose=2 check= hard_limit=-1 decay-ms=1d ZCMALLOC_VERBOSE=yes; do
    expect 2 "option \"${setting%%=*}\" does not take \"${setting#*=}\"" run --set "$setting" true
done
expect 2 'no option "ZCMALLOC_"' run --set ZCMALLOC_=1 true
expect 2 'no option "ZCMALLOC_LIB"' run --set "ZCMALLOC_LIB=$preload" true
"$command_path" nonsense 2>/dev/null | grep -q . && fail "a complaint on standard output"
"$command_path" help 2>&1 >/dev/null | grep -q . && fail "help on standard error"

# Running: the library beside the command is used, and the exit code is the program's.
expect 0 '^hello$' run echo hello
expect 0 '^zcmalloc: .* in use' run --verbose true
expect 0 '^zcmalloc: .* in use' run --set verbose=1 -- true
expect 0 '^zcmalloc: .* in use' run --set=VERBOSE=1 true
expect 0 '^zcmalloc: .* in use' run --set ZCMALLOC_VERBOSE=1 true
expect 0 '^zcmalloc: .* in use' run --set=zcmalloc_verbose=1 true
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

# One command that runs another: the library once, and the others still there.
say_preload='echo "$LD_PRELOAD"'
once=$("$command_path" run sh -c "$say_preload")
says "$once" 'run in run' run "$command_path" run sh -c "$say_preload"
LD_PRELOAD=$preload
export LD_PRELOAD
says "$once:$preload" 'run in run, with another' run "$command_path" run sh -c "$say_preload"
unset LD_PRELOAD

# Programs that do not take it run all the same, and a line says so; nothing is said of others.
says hello 'a program' run echo hello
printf '#!/bin/sh\necho hello\n' >script
chmod 4755 script
says hello 'a script' run ./script
for loader in /lib64/ld-linux-x86-64.so.2 /lib/ld-linux-aarch64.so.1; do
    [ ! -x "$loader" ] || says hello 'the dynamic linker' run "$loader" /bin/echo hello
done
printf '#include <stdio.h>\nint main(void)\n{\n    puts("hello");\n    return 3;\n}\n' >hello.c
mkdir -p programs/folder-first/static programs/folder
for way in -static -static-pie; do
    if ${CC:-cc} "$way" hello.c -o programs/folder/static 2>/dev/null; then
        expect 3 '^zcmalloc: programs/folder/static is linked statically: it keeps its own malloc$' \
            run programs/folder/static
        grep -q '^hello$' output.txt || fail "a program linked with $way does not run"
        path_before=$PATH
        PATH=$scratch/absent:$scratch/programs/folder-first:$scratch/programs/folder:$PATH
        expect 3 '^zcmalloc: static is linked statically: it keeps its own malloc$' run static
        PATH=$path_before
    else
        say "  nothing can be linked with $way here"
    fi
done
cp "$(command -v id)" elevated
chmod 4755 elevated
if [ "$(id -u)" = 0 ] && says 0 'rights that one has' run ./elevated -u &&
    chown 1 elevated && chmod 4755 elevated && [ "$(./elevated -u)" = 1 ]; then
    expect 0 '^zcmalloc: ./elevated runs with elevated rights: it keeps its own malloc$' run ./elevated -u
fi

# ZCMALLOC_LIB names another library; a path that the dynamic linker would split is refused.
ZCMALLOC_LIB=$preload
export ZCMALLOC_LIB
expect 0 "^$preload\$" run sh -c 'echo $LD_PRELOAD'
ZCMALLOC_LIB=$scratch/absent.so
expect 125 'absent.so' run true
# What is no such library: in one sentence, and the program is not run.
cp "$scripts/command.sh" not_elf.txt
: >empty.so
mkdir folder.so
mkfifo pipe.so
printf '!<arch>\n%2000s' ' ' >archive.a
size=$(wc -c <"$preload")
head -c $((size / 2)) "$preload" >half.so
head -c 64 "$preload" >header.so
# Of the other class; and of a machine that there is none of.
{ head -c 4 "$preload" && printf '\001' && tail -c +6 "$preload"; } >class.so
{ head -c 18 "$preload" && printf '\376\376' && tail -c +21 "$preload"; } >machine.so
other=$(ldd "$command_path" | sed -n 's/.* \(\/[^ ]*libc\.so[^ ]*\) .*/\1/p')
for fault in 'not_elf.txt no ELF file' 'empty.so no ELF file' 'folder.so not a regular file' 'archive.a no ELF file' \
    'pipe.so not a regular file' 'half.so cut short' 'header.so cut short' 'class.so another kind of machine' \
    'machine.so another kind of machine' "${other:-$scratch/absent.so} without zc_version" \
    "$command_path no shared object"; do
    ZCMALLOC_LIB=${fault%% *}
    [ -e "$ZCMALLOC_LIB" ] || continue
    expect 125 "^zcmalloc: .* cannot be preloaded: it is .*${fault#* }" run echo ran
    [ "$(wc -l <output.txt)" = 1 ] || fail "more than one line about $ZCMALLOC_LIB"
done
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
