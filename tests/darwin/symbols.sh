#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
#
# symbols.sh NM ARCHIVE LIST PLATFORM - every name that the archive wants from outside is on the list for the
# platform, so: no thread-local variable (__tlv_bootstrap calls malloc), nothing private, nothing that
# allocates; what is to be imported weakly is; and what it defines for others begins with zc or is C++'s.
set -u
nm=$1 archive=$2 list=$3 platform=$4
failed=0
wanted=$("$nm" -m --undefined-only "$archive" 2>/dev/null | sed -n 's/^.*(undefined) //p' | sort -u)
[ -n "$wanted" ] || { echo "$archive: nothing is undefined, which cannot be"; exit 1; }
own=$("$nm" --defined-only "$archive" 2>/dev/null | awk 'NF == 3 { print $3 }' | sort -u)
echo "$wanted" | sed 's/ (from.*//; s/ (dynamically.*//' | {
    while read -r words; do
        name=${words##* }
        echo "$own" | grep -qxF -e "$name" && continue
        entry=$(grep -E "^$name( |\$)" "$list" | grep -v '^#')
        if [ -z "$entry" ]; then
            echo "$archive wants $name, which is not on the list"
            failed=1
        fi
        case "$entry" in
        *macos*) [ "$platform" = macos ] || { echo "$archive wants $name, which is closed on $platform"; failed=1; } ;;
        *weak*) case $words in *weak*) ;; *) echo "$archive imports $name strongly"; failed=1 ;; esac ;;
        esac
    done
    exit $failed
} || failed=1
foreign=$("$nm" --defined-only --extern-only "$archive" 2>/dev/null |
    awk 'NF == 3 && $2 != "I" { print $3 }' | grep -vE '^_zci?_|^_thread_cache_(set|can_set)$|^__Z[nd]|^___clang_call_terminate$' | sort -u)
if [ -n "$foreign" ]; then
    echo "global names without our prefix:" $foreign
    failed=1
fi
exit $failed
