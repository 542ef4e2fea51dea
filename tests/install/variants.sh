#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
#
# variants.sh SOURCE_DIR WORK_DIR CC [CXX]
# Configures the project in other ways than the usual one: as a part of another project, and with less, or other folders,
# to install. Built is only the part of a project that wishes its own way of building upon all its parts.
set -eu
source=$1
work=$2
cc=$3
cxx=${4:-}
failed=0

complain() {
    echo "FAILED: $*"
    failed=1
}

# configure NAME SOURCE OPTION...
configure() {
    name=$1
    from=$2
    shift 2
    echo "$name"
    rm -rf "${work:?}/$name"
    mkdir -p "$work/$name"
    cmake -S "$from" -B "$work/$name" -DCMAKE_C_COMPILER="$cc" -DCMAKE_INSTALL_PREFIX=/usr/local "$@" \
        >"$work/$name.log" 2>&1 || { cat "$work/$name.log"; complain "$name cannot be configured"; }
}

# installs NAME FILE: whether it is in a rule of that build.
installs() {
    find "$work/$1" -name cmake_install.cmake -exec cat {} + | grep "/$2\"" >/dev/null
}

# pc NAME WANTED: prefix, library and header folder as pkg-config's file has them.
pc() {
    found=$(sed -n 's/^\(prefix\|libdir\|includedir\)=//p' "$work/$1/zcmalloc.pc" | tr '\n' ' ')
    [ "$found" = "$2 " ] || complain "$1: zcmalloc.pc has $found instead of $2"
}

# build_type NAME WANTED: as it is where none was asked for.
build_type() {
    found=$(sed -n 's/^CMAKE_BUILD_TYPE:[A-Z]*=//p' "$work/$1/CMakeCache.txt")
    [ "$found" = "$2" ] || complain "$1: the build type is \"$found\" instead of \"$2\""
}

# A project that holds this one may have files with the names of ours.
rm -rf "${work:?}/modules"
mkdir -p "$work/modules"
for name in FindCK layers packaging; do
    echo "message(FATAL_ERROR \"the parent's $name.cmake is used\")" >"$work/modules/$name.cmake"
done
# Linking with a target that does not exist, whose name has ::, ends the configuration.
configure subproject "$source/tests/install/consumer" -DCONSUMER_SOURCE="$source" -DZC_OPERATOR_NEW=OFF \
    -DCMAKE_MODULE_PATH="$work/modules"
build_type subproject ''

set -- -DZC_BUILD_TESTS=OFF -DZC_OPERATOR_NEW=OFF
configure usual "$source" "$@" -DCMAKE_INSTALL_LIBDIR=lib
build_type usual Release
pc usual "\${pcfiledir}/../.. \${prefix}/lib \${prefix}/include"
for file in bin/zcmalloc zcmalloc.pc zcmalloc.1; do
    installs usual "$file" || complain "usual: $file is not installed"
done
configure prefixed "$source" "$@" -DZC_OVERRIDE=OFF
for file in bin/zcmalloc zcmalloc.pc zcmalloc.1; do
    ! installs prefixed "$file" || complain "prefixed: $file is installed without its library"
done
configure static "$source" "$@" -DZC_BUILD_SHARED=OFF
installs static zcmalloc.pc || complain "static: no zcmalloc.pc"
! installs static bin/zcmalloc || complain "static: the command is installed without its library"
configure below "$source" "$@" -DCMAKE_INSTALL_LIBDIR=/usr/local/lib/a
pc below "\${pcfiledir}/../../.. \${prefix}/lib/a \${prefix}/include"
configure outside "$source" "$@" -DCMAKE_INSTALL_LIBDIR=/opt/a/lib
pc outside "/usr/local /opt/a/lib \${prefix}/include"

# clang needs a linker besides to optimise at link time.
case $("$cc" --version) in
*'Free Software Foundation'*) ;;
*) exit $failed ;;
esac
configure parent "$source/tests/install/consumer" -DCONSUMER_SOURCE="$source" -DCMAKE_BUILD_TYPE=Release \
    -DZC_BUILD_TESTS=OFF -DCMAKE_INTERPROCEDURAL_OPTIMIZATION=ON -DCMAKE_UNITY_BUILD=ON \
    ${cxx:+-DCONSUMER_CXX=ON -DCMAKE_CXX_COMPILER="$cxx" -DCMAKE_CXX_FLAGS=-fno-exceptions}
if cmake --build "$work/parent" -j2 >"$work/parent-build.log" 2>&1; then
    for program in shared static prefixed ${cxx:+cxx_shared cxx_static}; do
        "$work/parent/consumer_$program" || complain "parent: consumer_$program"
    done
    "$work/parent/zcmalloc/zcmalloc" run true || complain 'parent: zcmalloc run does not find its library'
else
    tail -n 40 "$work/parent-build.log"
    complain 'parent cannot be built'
fi
exit $failed
