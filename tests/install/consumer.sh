#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
#
# consumer.sh SOURCE_DIR BUILD_DIR WORK_DIR CC [CXX]
# Installs the build into a stage and builds programs against it as a user would: by find_package
# and by pkg-config.
set -eu
source=$1
build=$2
work=$3
cc=$4
cxx=${5:-}

rm -rf "$work"
mkdir -p "$work"
stage=$work/stage
DESTDIR=$stage cmake --install "$build" >"$work/install.log" 2>&1 ||
    { cat "$work/install.log"; exit 1; }
config=$(find "$stage" -name zcmalloc-config.cmake)
if [ -z "$config" ]; then
    echo "FAILED: no zcmalloc-config.cmake was installed"
    exit 1
fi
pc_dir=$(dirname "$(find "$stage" -name zcmalloc.pc)")

echo "by find_package"
cmake -S "$source/tests/install/consumer" -B "$work/by-cmake" -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_C_COMPILER="$cc" ${cxx:+-DCMAKE_CXX_COMPILER="$cxx" -DCONSUMER_CXX=ON} \
    -Dzcmalloc_DIR="$(dirname "$config")" >"$work/configure.log" 2>&1 ||
    { cat "$work/configure.log"; exit 1; }
cmake --build "$work/by-cmake" >"$work/build.log" 2>&1 || { cat "$work/build.log"; exit 1; }
for program in shared static prefixed ${cxx:+cxx_shared cxx_static}; do
    "$work/by-cmake/consumer_$program"
done

if ! command -v pkg-config >/dev/null 2>&1; then
    echo "no pkg-config here: that half is left out"
    exit 0
fi
echo "by pkg-config"
main=$source/tests/install/consumer/main.c
# The file finds its folders by its own place: the stage needs no sysroot.
export PKG_CONFIG_PATH="$pc_dir"
# Words as a shell reads them: folders may hold spaces.
library_dir=
eval "library_dir=$(pkg-config --variable=libdir zcmalloc)"
eval "set -- $(pkg-config --cflags --libs zcmalloc)"
"$cc" -O2 -fno-builtin -DCONSUMER_OVERRIDES=1 "$main" -o "$work/by_pc" "$@" -Wl,-rpath,"$library_dir"
"$work/by_pc"
if echo 'int main(void){return 0;}' | "$cc" -static -x c - -o "$work/static_probe" 2>/dev/null; then
    eval "set -- $(pkg-config --static --cflags --libs zcmalloc)"
    "$cc" -O2 -fno-builtin -static -DCONSUMER_OVERRIDES=1 "$main" -o "$work/by_pc_static" "$@"
    "$work/by_pc_static"
    # Only libc's own functions ask for malloc here.
    echo '#include <string.h>
    int main(int count, char **words) { return count != (int)strlen(strdup(words[0])); }' >"$work/calls_none.c"
    "$cc" -fno-builtin -static "$work/calls_none.c" -o "$work/calls_none" -Wl,-Map,"$work/calls_none.map" "$@"
    grep -q 'libzcmalloc\.a(.*malloc_elf' "$work/calls_none.map" ||
        { echo "FAILED: a static program that itself calls no malloc has another one than zcmalloc's"; exit 1; }
fi
version=$(pkg-config --modversion zcmalloc)
"$work/by_pc" version | grep -qx "$version" || { echo "FAILED: version is not $version"; exit 1; }
