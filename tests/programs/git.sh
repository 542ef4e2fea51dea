#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
#
# git.sh - git: add a tree, branch and merge, repack with two threads, collect, log, blame, fsck.
. "$(dirname "$0")/lib.sh"
need git

# Nothing of the user's own settings, and fixed dates: object names must come out the same.
export HOME="$scratch" GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.org
export GIT_COMMITTER_NAME=c GIT_COMMITTER_EMAIL=c@example.org
export GIT_AUTHOR_DATE='1700000000 +0000' GIT_COMMITTER_DATE='1700000000 +0000'
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE

# Text that changes a little from revision to revision, so that packing has deltas to find.
write_tree() {
    awk -v revision="$1" 'BEGIN {
        for (file = 0; file < 400; file++) {
            name = sprintf("dir%d/file%d.txt", file % 20, file)
            for (line = 0; line < 60; line++) {
                edit = (line * 7 + file) % 23 == revision ? revision : 0
                printf "%d %d %d some words that repeat, %d\n", file, line, edit, file * line >name
            }
            close(name)
        }
    }'
}

history() {
    git init -q -b main repository && cd repository || return 1
    for folder in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19; do
        mkdir "dir$folder"
    done
    for revision in 1 2 3 4 5 6 7 8; do
        write_tree "$revision"
        git add -A && git commit -q -m "revision $revision" || return 1
    done
    git checkout -q -b side HEAD~3
    echo side >side.txt
    git add -A && git commit -q -m side
    git checkout -q main
    git merge -q --no-edit side || return 1
    git rev-parse HEAD 'HEAD^{tree}'
    git -c pack.threads=2 repack -q -a -d -f --depth=20 --window=20
    git gc -q --prune=now
    git log --stat --oneline | cksum
    git log -p -M --no-color | cksum
    git blame -s dir3/file3.txt | cksum
    git grep -c 'words that repeat' | cksum
    git archive HEAD | cksum
    git clone -q --no-local . ../clone && git -C ../clone rev-parse HEAD
    git fsck --full --strict --no-progress
}

in_use git --version
compare 'init, add, merge, repack, log, clone, fsck' history
finish
