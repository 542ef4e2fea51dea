#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
#
# sources.sh ROOT - rules of CONTRIBUTING.md that a machine can check: SPDX lines, length of files and lines, no
# work left lying about, file names that are unique, and functions that docs/design.md names exist.
set -u
cd "$1" || exit 2
failed=0
complain() {
    echo "$*"
    failed=1
}
sources() {
    find src pagemap central thread_cache tests bench tools cmake .ci -type f \
        \( -name '*.[ch]' -o -name '*.cc' -o -name '*.hpp' -o -name '*.sh' -o -name '*.py' -o -name '*.cmake' \
        -o -name CMakeLists.txt \) | sort
}
# In two pieces, so that this line is none.
unfinished='(TO''DO|FIX''ME|X''XX|HA''CK)[: (]'
for file in $(sources); do
    head -4 "$file" | grep -q 'SPDX-License-Identifier: MIT' || complain "$file: no SPDX line"
    case $file in
    *.[ch] | *.cc | *.hpp)
        lines=$(wc -l <"$file")
        [ "$lines" -le 600 ] || complain "$file: $lines lines, 600 at most"
        grep -nE '^.{121}' "$file" && complain "$file: lines above 120 columns"
        ;;
    esac
    grep -nE "$unfinished" "$file" && complain "$file: unfinished work"
done
twice=$(find src pagemap central thread_cache -name '*.[ch]' -exec basename {} \; | sort | uniq -d)
[ -z "$twice" ] || complain "file names that are not unique: $twice"
if [ -f docs/design.md ]; then
    for name in $(grep -oE '`zci?_[a-z_0-9]+`' docs/design.md | tr -d '`' | sort -u); do
        grep -rqw "$name" src pagemap central thread_cache tests || complain "docs/design.md names $name, which is gone"
    done
    for name in $(grep -oE '`(src|pagemap|central|thread_cache|tests|tools|bench)/[A-Za-z_0-9./]+`' docs/design.md | tr -d '`' | sort -u); do
        [ -e "$name" ] || complain "docs/design.md names $name, which is gone"
    done
fi
exit $failed
